"""The command line: times contenders or rungs, checks, and shows finished runs.

Options are read by options.py. A run for which no case was chosen leaves its JSON and PNG under
benchmarks/results/, named after the machine. Exit status 1: a contender failed or was inaccurate; 2: a
user's mistake. Every error is one line.
"""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType

from benchmarks import registry
from benchmarks.cases import Case
from benchmarks.check import findings
from benchmarks.ladder.rungs import COMPARED_WITH, RUNGS, baselines
from benchmarks.options import LadderOptions, Options, Timing, command
from benchmarks.report import ladder_table, markdown, picture, tables
from benchmarks.report.record import finished, record, where
from benchmarks.timing import gpu, machine
from benchmarks.timing.rounds import Row
from benchmarks.timing.run import Baselines, against_torch, check_present, judge
from scratch_rnn.checks import Failure, fail
from scratch_rnn.cli.errors import one_line_errors
from scratch_rnn.outputs import check_writable

RESULTS = Path(__file__).parent / "results"
WIDTH = 150
"""Of a table where there is no terminal to measure."""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def time_contenders(options: Options) -> None:
    """Time our layers against torch.nn, after comparing outputs and gradients with it in float64."""
    with one_line_errors():
        options.check()
        gpu.check_device(options.device)
        chosen = options.contender or []
        names, cases = registry.names(chosen, options.compiled), options.cases()
        check_present(chosen, cases)
        name = " forms" if options.forms else None if options.chosen else ""
        _time(options, options.device, cases, names, against_torch(names), name, tables.tables)


def time_rungs(options: LadderOptions) -> None:
    """Time the ladder: from engine="steps" to engine="fused" in NumPy, what each rung gains."""
    with one_line_errors():
        options.check()
        name, names = None if options.chosen else " ladder", [*RUNGS, *COMPARED_WITH]
        _time(options, "cpu", options.cases(), names, baselines, name, ladder_table.table)


def _time(
    options: Timing,
    device: str,
    cases: Sequence[Case],
    names: Sequence[str],
    baselines: Baselines,
    name: str | None,
    table: Callable[[Sequence[Row]], RenderableType],
) -> None:
    """Run all cases; JSON is written after each. `name` completes the machine's in the names of files under
    results/; with None, only the files that were asked for are written.
    """
    run = options.run(device)
    facts, rows = record(run), list[Row]()
    json, png = _outputs(options, None if name is None else facts["machine"] + name)
    typer.echo(run.announce(cases, names))
    piped = not Console(stderr=True).is_terminal
    for number, found in enumerate(run.rows(cases, names, baselines), start=1):
        rows += found
        if piped:
            typer.echo(tables.line_of_case(number, len(cases), found))
        if json is not None:
            tables.write_json(tables.as_json(rows, finished(facts, run)), json)
    _print(table(rows), where(facts))
    if png is not None:
        picture.plot(rows, png, where(facts))
    judge(rows)


def check(
    device: Annotated[str, typer.Option(metavar="cpu|cuda", help="where torch computes")] = "cpu",
) -> None:
    """Compare every cell, form, engine and precision with torch.nn; count launches; on a GPU also look for
    synchronisation, capture CUDA graphs and name the kernels.
    """
    with one_line_errors():
        if device not in ("cpu", "cuda"):
            fail("check --device", "cpu or cuda", device)
        gpu.check_device(device)
        wrong = 0
        for finding in findings(device):
            typer.echo(f"{'ok   ' if finding.good else 'WRONG'} {finding.text}")
            wrong += not finding.good
        if wrong:
            raise Failure(f"{wrong} check{'s' * (wrong > 1)} failed")


def show_results(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.json...", help="of runs on one machine")],
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="draw their rows again")] = None,
) -> None:
    """Write the means of finished runs as the README's Markdown table."""
    with one_line_errors():
        typer.echo(markdown.markdown(files))
        if plot is not None:
            check_writable("--plot", plot)
            contents = [markdown.read(file) for file in files]
            rows = [row for content in contents for row in tables.rows_of(content)]
            picture.plot(rows, plot, where(contents[0]["record"]))


def _alone(context: typer.Context, **values: Any) -> None:
    """The main command, unless another one is named: then options must come after its name."""
    if context.invoked_subcommand is None:
        time_contenders(Options(**values))
        return
    with one_line_errors():
        given = [name for name, value in values.items() if value != getattr(Options, name)]
        if given:
            fail("benchmarks", f"its options after {context.invoked_subcommand}", f"--{given[0]} before it")


def _outputs(options: Timing, name: str | None) -> tuple[Path | None, Path | None]:
    """The JSON and PNG files, by default under results/ if there is a name. UsageError if not writable."""
    json, plot = options.json, options.plot
    if name is not None:
        RESULTS.mkdir(exist_ok=True)
        json = json or RESULTS / f"{machine.slug(name)}.json"
        plot = plot or RESULTS / f"{machine.slug(name)}.png"
    for option, path in (("--json", json), ("--plot", plot)):
        if path is not None:
            check_writable(option, path)
    if json is not None and plot is not None and json.absolute() == plot.absolute():
        fail("--plot", "another file than --json", plot)
    return json, plot


def _print(shown: RenderableType, where: str) -> None:
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    console.print(shown)
    console.print(where, highlight=False)


_main: Any = _alone
_own = inspect.signature(_alone).parameters["context"]
_main.__signature__ = inspect.Signature([_own, *inspect.signature(Options).parameters.values()])
app.callback(invoke_without_command=True, help=time_contenders.__doc__)(_main)
app.command("ladder")(command(LadderOptions, time_rungs))
app.command("check")(check)
app.command("table")(show_results)
