"""The ladder as a table: one line per rung, its factor over the rung before it for each cell."""

from collections.abc import Sequence

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from benchmarks.cases import CELLS
from benchmarks.ladder.rungs import COMPARED_WITH, RUNGS
from benchmarks.report.tables import ratio_of, share_of
from benchmarks.timing.rounds import Row

LEGEND = """×: time of the rung before over the rung's own (quartiles of paired rounds)
GEMM: the share of its time that the matrix products alone take in the same library
the lines below the rungs are compared with the last rung"""


def table(rows: Sequence[Row]) -> Group:
    """One for training, one for inference."""
    modes = list(dict.fromkeys(row.case.mode for row in rows))
    return Group(
        *(_table(mode, [row for row in rows if row.case.mode == mode]) for mode in modes), Text(LEGEND)
    )


def _table(mode: str, rows: Sequence[Row]) -> Table:
    cells = [cell for cell in CELLS if any(row.case.cell == cell for row in rows)]
    case = rows[0].case
    title = f"{mode}, {case.dtype}, T,N,I,H = {case.size}"
    view = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left")
    view.add_column("rung", no_wrap=True)
    for cell in cells:
        for column in (f"{cell.upper()} ms", "×", "GEMM"):
            view.add_column(column, justify="right")
    found = {(row.case.cell, row.contender): row for row in rows}
    for name in (*RUNGS, *COMPARED_WITH):
        if any((cell, name) in found for cell in cells):
            last = name == list(RUNGS)[-1]
            view.add_row(name, *_line([found.get((cell, name)) for cell in cells]), end_section=last)
    return view


def _line(rows: Sequence[Row | None]) -> list[str]:
    texts = []
    for row in rows:
        if row is None:
            texts += ["", "", ""]
        elif row.seconds is None:
            texts += [row.refused, "", ""]
        else:
            texts += [f"{row.seconds.median * 1e3:.3g}", ratio_of(row), share_of(row)]
    return texts
