"""The ladder as a table: one line per rung, its factor over the rung before it for each cell."""

from collections.abc import Sequence

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from benchmarks.cases import CELLS
from benchmarks.ladder.rungs import COMPARED_WITH, RUNGS
from benchmarks.report.tables import ratio_of, share_of
from benchmarks.timing.rounds import Row, grouped

LEGEND = """×: time of the rung before over the rung's own (quartiles of paired rounds)
GEMM: the share of its time that the matrix products alone take in the same library
the lines below the rungs are compared with the last rung"""


def table(rows: Sequence[Row]) -> Group:
    """One for training, one for inference."""
    return Group(*(_table(mode, found) for mode, found in grouped(rows, "mode").items()), Text(LEGEND))


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
            texts = [text for cell in cells for text in _texts(found.get((cell, name)))]
            view.add_row(name, *texts, end_section=last)
    return view


def _texts(row: Row | None) -> list[str]:
    if row is None or row.seconds is None:
        return ["" if row is None else row.refused, "", ""]
    return [f"{row.seconds.median * 1e3:.3g}", ratio_of(row), share_of(row)]
