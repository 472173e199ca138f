"""`python -m scratch_rnn parity`: random cases against torch.nn, and the worst differences as a table."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from scratch_rnn.checks import Failure
from scratch_rnn.cli.terminal import one_line_errors
from scratch_rnn.outputs import check_writable, replacing


def parity(
    rounds: Annotated[int, typer.Option(min=1, help="each a random case of every cell")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="of the random cases")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="write all rows")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="draw all errors")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="print the README's tables")] = False,
) -> None:
    """Compare every output and gradient of both trees with torch.nn; exit 1 where a bound is broken."""
    with one_line_errors():
        from scratch_rnn.parity import report as measured
        from scratch_rnn.parity import show

        for option, path in (("--json", json_file), ("--plot", plot)):
            if path is not None:
                check_writable(option, path)
        console = Console(stderr=True)
        columns = (TextColumn("parity"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
            task = bar.add_task("parity", total=rounds)
            report = measured.measure(rounds, seed, lambda done: bar.update(task, completed=done))
        if json_file is not None:
            with replacing(json_file) as part:
                part.write_text(json.dumps(report.as_json(), indent=2) + "\n", encoding="utf-8")
        if plot is not None:
            show.plot(report, plot)
        if markdown:
            for each in (show.summary_table(report), show.float32_table(report)):
                typer.echo(show.markdown(each) + "\n")
        else:
            _print("float64: worst error, relative to the tensor's largest entry", show.float64_table(report))
            _print("float32: our error / torch.nn's own error", show.float32_table(report))
        if report.broken:
            raise Failure(f"parity: above the bound: {'; '.join(report.broken)}")


def _print(title: str, table: tuple[Sequence[str], list[list[str]]]) -> None:
    titles, rows = table
    shown = Table(title=title, title_justify="left")
    for column in titles:
        shown.add_column(column)
    for row in rows:
        shown.add_row(*row)
    Console().print(shown)
