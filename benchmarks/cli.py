"""The command line: `python -m benchmarks` times contenders, `python -m benchmarks ladder` the rungs;
`python -m benchmarks table` shows what runs have left.

It reads options (options.py) and writes what run.py brings back. A run of which nothing is chosen is the
whole run, and leaves its JSON and PNG under benchmarks/results/, named after the machine. Exit status 0; 1
where a contender failed or was wrong; 2 for a user's mistake; a message is one line.
"""

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType

from benchmarks import contenders, gpu, machine, picture, published, report
from benchmarks.ladder import show
from benchmarks.ladder.rungs import BESIDE, RUNGS, baselines
from benchmarks.options import LadderOptions, Options, command
from benchmarks.record import record, where
from benchmarks.run import against_torch, check_present, judge
from scratch_rnn.checks import message
from scratch_rnn.cli.terminal import one_line_errors
from scratch_rnn.labs import UsageError
from scratch_rnn.outputs import check_writable

RESULTS = Path(__file__).parent / "results"
WIDTH = 150
"""Of a table where there is no terminal to measure."""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def time_contenders(options: Options) -> None:
    """Time our layers against torch.nn, after comparing outputs and gradients with it in float64."""
    with one_line_errors():
        options.check()
        if options.device == "cuda":
            gpu.check_cuda()
        chosen = options.contender or []
        names, cases = contenders.names(chosen, options.compiled), options.cases()
        check_present(chosen, cases)
        run = options.run(options.device)
        facts = record(run, options.tf32)
        json, plot = _outputs(options, facts["machine"] if options.whole else None)
        rows = run.rows(cases, names, against_torch(names))
        _print(report.tables(rows), where(facts))
        if json is not None:
            report.write_json(report.as_json(rows, facts), json)
        if plot is not None:
            picture.plot(rows, plot, where(facts))
        judge(rows)


def time_rungs(options: LadderOptions) -> None:
    """Time the ladder: what each trick is worth, from separate gates to feature-major arrays."""
    with one_line_errors():
        options.check()
        cases, run = options.cases(), options.run("cpu")
        facts = record(run, tf32=False)
        nothing = not any((options.cell, options.what, options.dtype, options.size, options.quick))
        json, plot = _outputs(options, f"{facts['machine']} ladder" if nothing else None)
        rows = run.rows(cases, [*RUNGS, *BESIDE], baselines)
        _print(show.table(rows), where(facts))
        if json is not None:
            content = report.as_json(rows, facts) | {"summary": show.factors(rows)}
            report.write_json(content, json)
        if plot is not None:
            picture.plot_ladder(rows, list(RUNGS), plot, where(facts))
        judge(rows)


def show_results(
    files: Annotated[list[Path], typer.Argument(metavar="FILE.json...", help="of runs on one machine")],
) -> None:
    """Write the means of finished runs as a Markdown table, as the README has it."""
    with one_line_errors():
        typer.echo(published.markdown(files))


def _alone(context: typer.Context, **values: Any) -> None:
    """The main command where no other is named; one that is takes its options behind its name."""
    if context.invoked_subcommand is None:
        time_contenders(Options(**values))
        return
    with one_line_errors():
        given = [name for name, value in values.items() if value != getattr(Options, name)]
        if given:
            expected = f"its options behind {context.invoked_subcommand}"
            raise UsageError(message("benchmarks", expected, f"--{given[0]} before it"))


def _outputs(options: Any, machine_name: str | None) -> tuple[Path | None, Path | None]:
    """Where JSON and PNG go: as told, or, in a whole run, under results/. UsageError where they can't."""
    json, plot = options.json, options.plot
    if machine_name is not None:
        RESULTS.mkdir(exist_ok=True)
        json = json or RESULTS / f"{machine.slug(machine_name)}.json"
        plot = plot or RESULTS / f"{machine.slug(machine_name)}.png"
    for option, path in (("--json", json), ("--plot", plot)):
        if path is not None:
            check_writable(option, path)
    if json is not None and plot is not None and json.absolute() == plot.absolute():
        raise UsageError(message("--plot", "another file than --json", plot))
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
app.command("table")(show_results)
