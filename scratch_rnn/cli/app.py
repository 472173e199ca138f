"""The command line: `python -m scratch_rnn` runs every lab, `python -m scratch_rnn lab NAME` one.

It reads options (arguments.py), calls scratch_rnn.labs and writes the results. Exit status: 0 if the
implementations agree, 1 if they differ or a run fails, 2 for a usage error. Every error message is one line.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

import typer

from scratch_rnn.checks import message
from scratch_rnn.cli.arguments import Common, Impl, check_inputs, check_outputs, command
from scratch_rnn.cli.convert import convert
from scratch_rnn.cli.errors import one_line_errors
from scratch_rnn.cli.exercises import exercise, grade
from scratch_rnn.cli.page import page_command
from scratch_rnn.cli.parity import parity
from scratch_rnn.cli.terminal import print_table, progress
from scratch_rnn.cli.trace import trace_app
from scratch_rnn.labs import LABS, Failure, Lab, Lost, Report, Settings, UsageError, run_lab
from scratch_rnn.labs.harness import show
from scratch_rnn.labs.harness.checkpoint import read_checkpoint
from scratch_rnn.labs.harness.implementations import has_engine
from scratch_rnn.labs.harness.options import make_settings
from scratch_rnn.labs.harness.size import announcement
from scratch_rnn.labs.inputs.files import noting_inputs
from scratch_rnn.torch_autograd.models.distributed import Processes, joined

RUNS = Path("runs")
"""The folder that the main job writes to."""


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
lab_app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Run one lab.")
app.add_typer(lab_app, name="lab")
app.command()(parity)
app.command()(exercise)
app.command()(grade)
app.add_typer(trace_app, name="trace")
app.command("page")(page_command)
app.command()(convert)


@app.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Recurrent networks by hand. Without a command: every lab on numpy, torch and the torch.nn reference."""
    if context.invoked_subcommand is not None:
        return
    with one_line_errors():
        RUNS.mkdir(exist_ok=True)
        reports = []
        for name, kind in LABS.items():
            chosen = make(name, kind.smoke_settings)
            with progress(name, list(Impl), chosen.steps, quiet=False) as (tick, track):
                reports.append(run_lab(chosen, list(Impl), tick, track=track))
            show.write_json(reports[-1], RUNS / f"{name}.json")
            plot(reports[-1], RUNS / f"{name}.png")
        _show(reports)
        typer.echo(f"Wrote {RUNS}/*.json and {RUNS}/*.png")
        judge(reports)


def lab_command(name: str, given: Mapping[str, object], common: Common) -> None:
    """Run one lab and write the requested files."""
    report_errors = not common.distributed or os.environ.get("RANK", "0") == "0"
    with one_line_errors(report_errors), ExitStack() as stack:
        impls = common.impls
        if len(impls) > 1 and (common.save or common.load):
            raise UsageError(message("--save and --load", "one --impl", ", ".join(impls)))
        if common.distributed and impls != ["torch"]:
            raise UsageError(message("--distributed", "--impl torch", ", ".join(impls)))
        if "engine" in given and not any(map(has_engine, impls)):
            raise UsageError(
                message("--engine", "--impl numpy or torch, which have engines", ", ".join(impls))
            )
        if common.save_every is not None and (common.save is None or common.save_every < 1):
            expected = "a number of steps of at least 1, with --save"
            raise UsageError(message("--save-every", expected, common.save_every))
        loaded = None if common.load is None else read_checkpoint(common.load, name)
        settings = given if loaded is None else loaded.settings(given, LABS[name])
        if common.save is not None:
            check_inputs(LABS[name], settings)
        chosen = make(name, settings)
        if loaded is not None:
            loaded.check_inputs(chosen)
        check_outputs(chosen, common)
        processes = None
        if common.distributed:
            stack.enter_context(_lost_processes(name))
            processes = _join(stack, chosen)
        if report_errors:
            for warning in (*chosen.warnings, *announcement(chosen)):
                typer.echo(f"warning: {warning}", err=True)
        quiet = common.quiet or not report_errors
        with progress(name, impls, chosen.steps, quiet, once=processes is None) as (tick, track):
            report = run_lab(chosen, impls, tick, common.save, loaded, processes, track, common.save_every)
        if report_errors:
            _write(report, common)
            for warning in show.divergences(report):
                typer.echo(f"warning: {warning}", err=True)
            judge([report])


def make(name: str, given: Mapping[str, object]) -> Lab[Settings]:
    """The lab with these options; UsageError for an unknown option or a bad value."""
    kind = LABS[name]
    with noting_inputs() as inputs:
        made = kind(make_settings(name, kind.options, given))
    made.inputs = inputs
    return made


def judge(reports: Sequence[Report]) -> None:
    """Failure if the loss curves of a lab differ."""
    wrong = [report.lab.name for report in reports if not report.agree]
    if wrong:
        raise Failure(f"the implementations disagree: {', '.join(wrong)}")


@contextmanager
def _lost_processes(name: str) -> Iterator[None]:
    """Lost for torch's RuntimeError before the training and after it (run.py has the rest)."""
    try:
        yield
    except RuntimeError:
        raise Lost(f"{name}: the processes lost contact with each other") from None


def _join(stack: ExitStack, chosen: Lab[Settings]) -> Processes:
    """The processes that torchrun started; UsageError if the batch cannot be divided among them."""
    try:
        processes = stack.enter_context(joined())
        processes.share(asdict(chosen.settings)["batch_size"])
    except ValueError as error:
        raise UsageError(str(error)) from None
    return processes


def _write(report: Report, common: Common) -> None:
    if common.json is not None:
        show.write_json(report, common.json)
    if common.plot is not None:
        plot(report, common.plot)
    if not common.quiet:
        _show([report])


def plot(report: Report, path: Path) -> None:
    """Draw a report; a warning where a font is missing."""
    missing = show.plot(report, path)
    if missing is not None:
        typer.echo(f"warning: {missing}", err=True)


def _show(reports: Sequence[Report]) -> None:
    """Print the table, and below it one line of results per lab."""
    print_table(show.table(reports))
    for report in reports:
        for line in show.results(report):
            typer.echo(line)


def hint(context: typer.Context) -> None:
    """Refuse a lab's name in the place of a command; the error shows the correct command."""
    name = context.info_name
    with one_line_errors():
        raise UsageError(message("python -m scratch_rnn", f"lab {name}", name))


for _name, _kind in LABS.items():
    app.command(
        _name,
        hidden=True,
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(hint)
    lab_app.command(_name, help=_kind.__doc__)(command(_kind, lab_command))
