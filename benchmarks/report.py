"""What people see of a run: tables, and a JSON file with every row."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from benchmarks.contenders import BASELINE
from benchmarks.rounds import Row
from benchmarks.stats import Quartiles, geometric_mean
from scratch_rnn.outputs import replacing

COLUMNS = ("ms a step (quartiles)", f"× {BASELINE} (quartiles)", "GFLOP/s", "floor", "memory", "error")


def tables(rows: Sequence[Row]) -> Group:
    """One table a form, one section a size; below them which kernel torch.nn took, and why, and the means."""
    forms: dict[str, list[Row]] = {}
    for row in rows:
        forms.setdefault(row.case.form, []).append(row)
    parts: list[RenderableType] = [_table(form, found) for form, found in forms.items()]
    rules = [f"{form}: {text}" for form, found in forms.items() for text in _rules(found)]
    means = summary(rows)
    if any(mean["cases"] > 1 for mean in means):
        parts.append(_means(means))
    return Group(*parts, *(Text(line) for line in rules), Text(LEGEND))


LEGEND = f"""× {BASELINE}: its time over the contender's, paired by rounds; above 1 the contender is faster
floor: how much of the time the matrix products alone take in the same library
memory: what a training step holds for its way back, parameters apart (on a GPU, the peak of a step)
error: largest difference of any output or gradient from float64 {BASELINE}, relative to the largest entry"""


def _table(form: str, rows: Sequence[Row]) -> Table:
    view = Table(title=form, box=box.SIMPLE_HEAD, title_justify="left")
    view.add_column("T,N,I,H", no_wrap=True)
    view.add_column("contender", no_wrap=True)
    for column in COLUMNS:
        view.add_column(column, justify="right", no_wrap=column != COLUMNS[0])
    for size, group in groupby(rows, key=lambda row: row.case.size):
        found = list(group)
        for number, row in enumerate(found):
            label = str(size) if number == 0 else ""
            view.add_row(label, label_of(row), *_cells(row), end_section=row is found[-1])
    return view


def label_of(row: Row) -> str:
    """The contender, and its kernel where there is a choice."""
    return f"{row.contender} ({row.kernel})" if row.kernel else row.contender


def _cells(row: Row) -> list[str]:
    error = "" if row.error is None else f"{row.error:.0e}"
    if row.seconds is None:
        return [row.refused, "not timed", "", "", "", error]
    ratio = "" if row.ratio is None else spread(row.ratio) + (" tie" if row.verdict == "tie" else "")
    share = "" if row.floor_share is None else f"{row.floor_share:.0%}"
    gflops = "" if row.gflops is None else f"{row.gflops:.3g}"
    return [spread(row.seconds, 1e3), ratio, gflops, share, _size(row.memory), error]


def spread(values: Quartiles, unit: float = 1) -> str:
    """Median and quartiles.

    >>> spread(Quartiles(0.0012, 0.0011, 0.0014), 1e3)
    '1.2 (1.1–1.4)'
    """
    median, q1, q3 = (f"{value * unit:.3g}" for value in values)
    return f"{median} ({q1}–{q3})"


def _size(count: int | None) -> str:
    return "" if count is None else f"{count / 2**20:.3g} MiB"


def _rules(rows: Sequence[Row]) -> list[str]:
    return list(
        dict.fromkeys(f"{row.contender} took {row.kernel} ({row.rule})" for row in rows if row.kernel)
    )


def summary(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The geometric mean of each contender's ratios over the sizes of a form."""
    found: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if row.ratio is not None:
            found.setdefault((row.case.form, row.contender), []).append(row.ratio.median)
    return [
        {
            "form": form,
            "contender": who,
            "cases": len(ratios),
            "ratio": geometric_mean(ratios),
            "least": min(ratios),
        }
        for (form, who), ratios in found.items()
    ]


def _means(means: Sequence[dict[str, Any]]) -> Table:
    view = Table(
        title=f"× {BASELINE}, geometric mean over sizes (least)", box=box.SIMPLE_HEAD, title_justify="left"
    )
    forms = list(dict.fromkeys(mean["form"] for mean in means))
    contenders = list(dict.fromkeys(mean["contender"] for mean in means))
    view.add_column("", no_wrap=True)
    for contender in contenders:
        view.add_column(contender, justify="right")
    cells = {(m["form"], m["contender"]): f"{m['ratio']:.2f} ({m['least']:.2f})" for m in means}
    for form in forms:
        view.add_row(form, *(cells.get((form, contender), "") for contender in contenders))
    return view


def as_json(rows: Sequence[Row], record: dict[str, Any]) -> dict[str, Any]:
    """The record, every row, and the means; what is not a finite number is null."""
    listed = []
    for row in rows:
        finite = row.error is not None and math.isfinite(row.error)
        listed.append({"form": row.case.form} | asdict(replace(row, error=row.error if finite else None)))
    workers = {row.contender: row.blas for row in rows if row.blas}
    return {"record": record | {"blas": workers}, "rows": listed, "summary": summary(rows)}


def write_json(content: dict[str, Any], path: Path) -> None:
    """Beside, then in one move."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    with replacing(path) as beside:
        beside.write_text(text + "\n", encoding="utf-8")
