"""`python -m scratch_rnn parity`: random cases against torch.nn; the worst differences as tables."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from scratch_rnn.checks import Failure
from scratch_rnn.cli.errors import one_line_errors
from scratch_rnn.cli.terminal import print_table
from scratch_rnn.outputs import check_writable, replacing

if TYPE_CHECKING:
    from scratch_rnn.parity.report import Report, Row

Titles = Sequence[str]
Rows = list[list[str]]
MOST_SHOWN = 5  # of the figures above a bound, in the error message


def parity(
    rounds: Annotated[int, typer.Option(min=1, help="each a random case of every cell")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="of the random cases")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="write all rows")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="draw all errors")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="print the README's tables")] = False,
) -> None:
    """Compare every output and gradient of both trees with torch.nn; exit 1 where a bound is broken."""
    with one_line_errors():
        from scratch_rnn.parity.report import measure

        for option, path in (("--json", json_file), ("--plot", plot)):
            if path is not None:
                check_writable(option, path)
        with _bar(rounds) as bar:
            report = measure(rounds, seed, lambda done: bar.update(bar.task_ids[0], completed=done))
        if json_file is not None:
            with replacing(json_file) as part:
                part.write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")
        if plot is not None:
            draw(report, plot)
        if markdown:
            typer.echo(as_markdown(report))
        else:
            _print("float64: worst error, relative to the tensor's largest entry", *float64_table(report))
            _print("float32: our error / torch.nn's own error", *float32_table(report))
        if report.broken:
            shown, more = "; ".join(report.broken[:MOST_SHOWN]), len(report.broken) - MOST_SHOWN
            raise Failure(f"parity: above the bound: {shown}" + (f"; and {more} more" if more > 0 else ""))


def float64_table(report: "Report") -> tuple[Titles, Rows]:
    """One line per kind, form and contender: the worst error of each column for H >= 8; and of the rest."""
    from scratch_rnn.parity.report import COLUMNS

    columns, rows = list(dict.fromkeys(COLUMNS.values())), []
    for row in report.float64:
        by_column: dict[str, list[float]] = {column: [] for column in columns}
        for name, error in row.worst.get("H >= 8", {}).items():
            by_column[COLUMNS.get(name, COLUMNS["others"])].append(error)
        others = [[*row.worst.get(which, {}).values()] for which in ("H < 8", "complex step")]
        cells = [_number(errors) for errors in (*by_column.values(), *others)]
        rows.append([row.kind, row.form, row.contender, str(row.cases), *cells])
    return ["kind", "form", "contender", "cases", *columns, "H < 8", "complex step"], rows


def float32_table(report: "Report") -> tuple[Titles, Rows]:
    """One line per contender and column: our float32 error over torch.nn's own."""
    rows = []
    for r in report.float32:
        counts, ratios = (r.cases, r.figures), (r.median, r.p90, r.worst)
        rows.append([r.contender, r.column, *map(str, counts), *(f"{ratio:.2f}" for ratio in ratios)])
    return ["contender", "column", "cases", "figures", "median", "90 %", "worst"], rows


def summary_table(report: "Report") -> tuple[Titles, Rows]:
    """One line per form: the worst float64 error of each contender, over all kinds and values."""
    from scratch_rnn.parity.contenders import CONTENDERS
    from scratch_rnn.parity.report import ALL_FORMS

    names, rows = [" ".join(each) for each in CONTENDERS], []
    for form in ALL_FORMS:
        own = [row for row in report.float64 if row.form == form]
        by_name = [[e for row in own if row.contender == name for e in _against_torch(row)] for name in names]
        steps = [e for row in own for e in row.worst.get("complex step", {}).values()]
        cases = sum(row.cases for row in own if row.contender == names[0])
        rows.append([form, str(cases), *map(_number, [*by_name, steps])])
    return ["form", "cases", *names, "complex step"], rows


def float32_summary(report: "Report") -> tuple[Titles, Rows]:
    """One line per contender: the largest median, 90 % and worst ratio of any column."""
    from scratch_rnn.parity.contenders import CONTENDERS

    rows = []
    for name in map(" ".join, CONTENDERS):
        own = [each for each in report.float32 if each.contender == name]
        most = [max((getattr(each, key) for each in own), default=0.0) for key in ("median", "p90", "worst")]
        rows.append([name, str(sum(each.figures for each in own)), *(f"{ratio:.2f}" for ratio in most)])
    return ["contender", "figures", "median of the worst column", "90 % of the worst column", "worst"], rows


def as_markdown(report: "Report") -> str:
    """The tables of the README."""
    text = []
    for titles, rows in (summary_table(report), float32_summary(report)):
        lines = [titles, ["---"] * len(titles), *rows]
        text.append("\n".join(f"| {' | '.join(cells)} |" for cells in lines))
    return "\n\n".join(text)


def draw(report: "Report", path: Path) -> None:
    """Every worst float64 error as a dot on a log axis, one line per form, beside its bound."""
    from matplotlib.figure import Figure

    from scratch_rnn.parity.contenders import CONTENDERS
    from scratch_rnn.parity.report import ALL_FORMS, BOUNDS

    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    for number, name in enumerate(map(" ".join, CONTENDERS)):
        own = [row for row in report.float64 if row.contender == name]
        shift = 0.18 * (number - 1.5)
        points = [(e, ALL_FORMS.index(row.form) + shift) for row in own for e in _against_torch(row) if e > 0]
        if points:
            axes.plot(*zip(*points, strict=True), "o", markersize=4, alpha=0.6, label=name)
    for which in ("H >= 8", "H < 8"):
        axes.axvline(BOUNDS[which], color="0.4", linestyle="--")
        axes.text(BOUNDS[which], -0.75, f" bound, {which}", fontsize=8, color="0.3", va="top")
    axes.set(yticks=range(len(ALL_FORMS)), yticklabels=ALL_FORMS, ylim=(len(ALL_FORMS) - 0.4, -0.9))
    axes.set(xscale="log", xlim=(None, 1e-9))
    axes.set_xlabel("worst error of a tensor, relative to its largest entry in torch.nn (float64)")
    axes.set_title(f"Outputs and gradients against torch.nn: {report.rounds} rounds, seed {report.seed}")
    axes.legend(loc="lower right", fontsize=8)
    axes.grid(axis="x", alpha=0.3)
    with replacing(path) as part:
        figure.savefig(part, format=path.suffix.lstrip(".") or "png", dpi=120)


def _against_torch(row: "Row") -> list[float]:
    """All worst float64 errors of a row against torch.nn, of large and small sizes."""
    return [error for which in ("H >= 8", "H < 8") for error in row.worst.get(which, {}).values()]


def _number(errors: Sequence[float]) -> str:
    """The largest error in two digits; empty where there is none."""
    return f"{max(errors):.1e}" if errors else ""


@contextmanager
def _bar(rounds: int) -> Iterator[Progress]:
    """A progress bar with one task on a terminal, and nothing in a pipe."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        bar.add_task("parity", total=rounds)
        yield bar


def _print(title: str, titles: Titles, rows: Rows) -> None:
    shown = Table(title=title, title_justify="left")
    for each in titles:
        shown.add_column(each)
    for row in rows:
        shown.add_row(*row)
    print_table(shown)
