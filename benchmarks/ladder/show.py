"""The ladder as a table: a line a rung, its factor over the rung below for each cell."""

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from benchmarks.cases import CELLS
from benchmarks.ladder.rungs import BESIDE, RUNGS
from benchmarks.report import spread
from benchmarks.rounds import Row

LEGEND = """×: time of the rung below over the rung's own (quartiles of paired rounds)
GEMM: how much of its time the matrix products alone take, in the same library
what stands below the rungs is compared with the highest one"""


def table(rows: Sequence[Row]) -> Group:
    """One for training, one for inference."""
    whats = list(dict.fromkeys(row.case.what for row in rows))
    return Group(
        *(_table(what, [row for row in rows if row.case.what == what]) for what in whats), Text(LEGEND)
    )


def _table(what: str, rows: Sequence[Row]) -> Table:
    cells = [cell for cell in CELLS if any(row.case.cell == cell for row in rows)]
    case = rows[0].case
    view = Table(
        title=f"{what}, {case.dtype}, T,N,I,H = {case.size}", box=box.SIMPLE_HEAD, title_justify="left"
    )
    view.add_column("rung", no_wrap=True)
    for cell in cells:
        for column in (f"{cell.upper()} ms", "×", "GEMM"):
            view.add_column(column, justify="right")
    found = {(row.case.cell, row.contender): row for row in rows}
    for name in RUNGS:
        if any((cell, name) in found for cell in cells):
            cut = name == list(RUNGS)[-1]
            view.add_row(name, *_line([found.get((cell, name)) for cell in cells]), end_section=cut)
    for name in BESIDE:
        view.add_row(name, *_line([found.get((cell, name)) for cell in cells]))
    return view


def _line(rows: Sequence[Row | None]) -> list[str]:
    texts = []
    for row in rows:
        if row is None:
            texts += ["", "", ""]
        elif row.seconds is None:
            texts += [row.refused, "", ""]
        else:
            ratio = "" if row.ratio is None else spread(row.ratio) + (" tie" if row.verdict == "tie" else "")
            share = "" if row.floor_share is None else f"{row.floor_share:.0%}"
            texts += [f"{row.seconds.median * 1e3:.3g}", ratio, share]
    return texts


def factors(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Of each rung over the one below, for the JSON."""
    return [
        {
            "cell": row.case.cell,
            "what": row.case.what,
            "rung": row.contender,
            "below": row.baseline,
            "factor": row.ratio,
            "gemm_share": row.floor_share,
        }
        for row in rows
        if row.contender in RUNGS
    ]
