"""A time series: columns of a table, oldest row first, with its dates; and the scaling of columns.

(1)  scaled = (x - least) / (most - least)        each column by its own minimum and maximum

Columns are chosen by name. A file without a header line has all its columns named by the user, in order.
"""

import math
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import fail
from scratch_rnn.labs.inputs.dates import read_dates
from scratch_rnn.labs.inputs.files import Row
from scratch_rnn.labs.inputs.numbers import Cell, as_number, decimal_sign, finite, is_missing
from scratch_rnn.labs.inputs.table import Table, read_table

OLDEST, NEWEST = "oldest-first", "newest-first"
SIGNS = {"point": ".", "comma": ","}


class Reading(NamedTuple):
    """How a file is to be read; None: found from the file."""

    separator: str | None = None
    decimal: str | None = None
    missing: str = "refuse"
    newest_first: bool = False


DEFAULT = Reading()


class Series(NamedTuple):
    """(rows, columns) oldest first, the dates of the rows if the file has any, and notes for the user."""

    values: ndarray
    dates: list[datetime] | None
    notes: list[str]


class Scale(NamedTuple):
    """Equation (1). Both arrays have one number per column."""

    least: ndarray
    range: ndarray

    def __call__(self, values: ndarray) -> ndarray:
        """Scale values. Those between the scale's minimum and maximum land in [0, 1]."""
        return (values - self.least) / self.range  # (1)


def column_names(option: str, columns: str) -> list[str]:
    """Names separated by commas, in lower case; UsageError for an empty or a repeated name."""
    names = [_tidy(name) for name in columns.split(",")]
    if not all(names) or len(set(names)) < len(names):
        fail(option, "names separated by commas, each once", repr(columns))
    return names


def read_series(path: Path, names: Sequence[str], reading: Reading = DEFAULT) -> Series:
    """The columns of these names, in this order.

    UsageError for a name that the file does not have or has twice, for a cell that is not a number, and for
    dates that contradict the order of the rows.
    """
    table = read_table("--csv", path, reading.separator)
    header, rows = _header(table, names)
    if not rows:
        fail("--csv", "rows below the header", f"none in {path}")
    positions = _positions(path, table, header, names)
    width = len(rows[0].cells if header is None else header.cells)
    for row in rows:
        if len(row.cells) != width:
            fail("--csv", f"{width} cells", f"{len(row.cells)} in {row.place}")
    dates = _dates(path, header, rows, positions, reading.newest_first)
    values = _numbers(rows, dict(zip(names, positions, strict=True)), reading)
    if reading.newest_first:
        values, dates = values[::-1], dates and dates[::-1]
    return _without_missing(path, Series(values, dates, table.notes), reading.missing)


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


def _tidy(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip().lower())


def _header(table: Table, names: Sequence[str]) -> tuple[Row | None, list[Row]]:
    """(the header or None, the rows below it).

    The first line is a header if it has one of the names, or if it has words and no number. Otherwise the
    comment before it is, if it has as many cells: numpy.savetxt writes such a header. (Where there is one
    column, the comment must be its name.)
    """
    first, comment = table.rows[0], table.comment
    numbers = [as_number(cell) for cell in first.cells]
    words = [n for n, cell in zip(numbers, first.cells, strict=True) if n is None and not is_missing(cell)]
    numeric = any(number is not None and math.isfinite(number) for number in numbers)
    if any(_tidy(cell) in names for cell in first.cells) or (words and not numeric):
        return first, table.rows[1:]
    columns = [] if comment is None else [_tidy(cell) for cell in comment.cells]
    if len(columns) == len(first.cells) and (len(columns) > 1 or columns[0] in names):
        return comment, table.rows
    return None, table.rows


def _positions(path: Path, table: Table, header: Row | None, names: Sequence[str]) -> list[int]:
    """The number of each column; UsageError for names that do not select one column each."""
    other = "" if len(table.rows[0].cells) > 1 else ", or another --separator"
    if header is None:
        width = len(table.rows[0].cells)
        if width != len(names):
            expected = f"names of all {width} columns, since {path} has no header line{other}"
            fail("--columns", expected, ", ".join(names))
        return list(range(width))
    found = [_tidy(cell) for cell in header.cells]
    for name in names:
        if name not in found:
            fail("--columns", f"columns among {', '.join(header.cells)} in {header.place}{other}", name)
        if found.count(name) > 1:
            fail("--columns", f"one column {name}", f"{found.count(name)} in {header.place}")
    return [found.index(name) for name in names]


def _numbers(rows: Sequence[Row], picked: dict[str, int], reading: Reading) -> ndarray:
    """The numbers in the picked columns; NaN for a missing one, where that is allowed."""
    decimal = SIGNS.get(reading.decimal or "") or decimal_sign(
        "--csv", (Cell(row.cells[n], row.place) for row in rows for n in picked.values())
    )

    def number(row: Row, name: str, cell: str) -> float:
        expected = "a number"
        if is_missing(cell):
            if reading.missing != "refuse":
                return math.nan
            expected = "a number, or --missing drop or previous"
        return finite("--csv", f"{row.place}, column {name}", cell, decimal, expected)

    return np.array([[number(row, name, row.cells[n]) for name, n in picked.items()] for row in rows])


def _dates(
    path: Path, header: Row | None, rows: Sequence[Row], picked: Sequence[int], newest_first: bool
) -> list[datetime] | None:
    """The dates in the first column that has some and is not picked; None if there is no such column."""
    for n, name in enumerate([] if header is None else header.cells):
        dates = None if n in picked else read_dates(name, [row.cells[n] for row in rows])
        if dates is None:
            continue
        descends = dates == sorted(dates, reverse=True)
        ascends = dates == sorted(dates)
        if ascends is not descends and descends is not newest_first:
            right, wrong, verb = (NEWEST, OLDEST, "descend") if descends else (OLDEST, NEWEST, "ascend")
            fail("--order", f"{right}, as the dates in column {name} of {path} {verb}", wrong)
        return dates if ascends or descends else None
    return None


def _without_missing(path: Path, series: Series, missing: str) -> Series:
    """The series without the rows that miss a number, or with the number of the row before in its place."""
    values, gone = series.values.copy(), np.isnan(series.values)
    if not gone.any():
        return series
    if missing == "drop":
        kept = ~gone.any(axis=1)
        note = f"{(~kept).sum()} of {len(kept)} rows of {path} are dropped: they miss a number"
        dates = series.dates and [date for date, keep in zip(series.dates, kept, strict=True) if keep]
        return Series(values[kept], dates, [*series.notes, note])
    if gone[0].any():
        fail("--missing", "drop, since the oldest row misses a number", "previous")
    for row in range(1, len(values)):
        values[row, gone[row]] = values[row - 1, gone[row]]
    note = f"{gone.sum()} missing numbers of {path} are those of the row before"
    return Series(values, series.dates, [*series.notes, note])
