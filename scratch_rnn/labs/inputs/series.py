"""A time series: columns of a CSV file, and their scaling.

(1)  scaled = (x - least) / (most - least)        each column by its own minimum and maximum
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import UsageError, fail, message
from scratch_rnn.labs.inputs.files import Row, as_number, finite, read_csv


class Scale(NamedTuple):
    """Equation (1). Both arrays have one number per column."""

    least: ndarray
    range: ndarray

    def __call__(self, values: ndarray) -> ndarray:
        """Scale values. Those between the scale's minimum and maximum land in [0, 1]."""
        return (values - self.least) / self.range  # (1)


def column_names(option: str, columns: str) -> list[str]:
    """Names separated by commas, in lower case; UsageError for an empty or a repeated name."""
    names = [name.strip().lower() for name in columns.split(",")]
    if not all(names) or len(set(names)) < len(names):
        fail(option, "names separated by commas, each once", repr(columns))
    return names


def read_columns(path: Path, names: Sequence[str]) -> ndarray:
    """(rows, columns) in the order of `names`.

    With a header line, `names` selects columns; without one, it names all columns in order. The first line
    is a header if none of its cells is a number.
    """
    rows = read_csv("--csv", path)
    header = None if any(as_number(cell) is not None for cell in rows[0].cells) else rows.pop(0)
    if header is None:
        position, width = {name: n for n, name in enumerate(names)}, len(names)
    else:
        position = {cell.lower(): n for n, cell in reversed(list(enumerate(header.cells)))}
        width = len(header.cells)
    for name in names:
        if name not in position:
            expected = f"columns among {', '.join(header.cells if header else names)} in {path}"
            raise UsageError(message("--columns", expected, name))
    if not rows:
        fail("--csv", "rows below the header", f"none in {path}")
    return np.array([_numbers(row, {name: position[name] for name in names}, width) for row in rows])


def scale_of(values: ndarray, names: Sequence[str], where: str) -> Scale:
    """The scale that maps these rows to [0, 1]; UsageError for a constant column."""
    least, most = values.min(axis=0), values.max(axis=0)
    for name, low, high in zip(names, least, most, strict=True):
        if low == high:
            fail("--columns", f"columns that vary in {where}", f"{name}, which is always {low:g}")
    with np.errstate(over="ignore"):
        extent = most - least
    if not np.isfinite(extent).all():
        fail("--columns", f"numbers whose differences are finite in {where}", "larger ones")
    return Scale(least, extent)


def _numbers(row: Row, picked: dict[str, int], width: int) -> list[float]:
    if len(row.cells) != width:
        fail("--csv", f"{width} cells", f"{len(row.cells)} in {row.place}")
    return [finite("--csv", f"{row.place}, column {name}", row.cells[n]) for name, n in picked.items()]
