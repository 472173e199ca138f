"""The command line: `python -m scratch_rnn` runs every lab, `python -m scratch_rnn lab NAME` one.

It reads options (arguments.py), calls scratch_rnn.labs, and writes what comes back. Exit status 0 where the
implementations agree, 1 where they don't or a run fails, 2 for a user's mistake; a message is one line.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from scratch_rnn.checks import message
from scratch_rnn.cli.arguments import Common, Impl, check_outputs, command
from scratch_rnn.cli.parity import parity
from scratch_rnn.cli.terminal import one_line_errors, progress
from scratch_rnn.labs import LABS, Failure, Lab, Report, UsageError, run_lab
from scratch_rnn.labs.harness import show
from scratch_rnn.labs.harness.checkpoint import read_checkpoint
from scratch_rnn.labs.harness.options import make_settings
from scratch_rnn.torch_autograd.models.distributed import joined

RUNS = Path("runs")
"""Where the main job leaves its files."""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
lab_app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Run one lab.")
app.add_typer(lab_app, name="lab")
app.command()(parity)


@app.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Recurrent networks by hand: run every lab on numpy, torch and the torch.nn reference."""
    if context.invoked_subcommand is not None:
        return
    with one_line_errors():
        RUNS.mkdir(exist_ok=True)
        reports = []
        for name, kind in LABS.items():
            chosen = make(name, kind.smoke_settings)
            with progress(name, list(Impl), chosen.steps, quiet=False) as tick:
                reports.append(run_lab(chosen, list(Impl), tick))
            show.write_json(reports[-1], RUNS / f"{name}.json")
            if show.can_plot(chosen):
                show.plot(reports[-1], RUNS / f"{name}.png")
        _show(reports)
        typer.echo(f"Wrote {RUNS}/*.json and {RUNS}/*.png")
        judge(reports)


def lab_command(name: str, given: Mapping[str, Any], common: Common) -> None:
    """Run one lab and write what is asked for."""
    report_errors = not common.distributed or os.environ.get("RANK", "0") == "0"
    with one_line_errors(report_errors), ExitStack() as stack:
        impls = common.impls
        if len(impls) > 1 and (common.save or common.load):
            raise UsageError(message("--save and --load", "one --impl", ", ".join(impls)))
        if common.distributed and impls != ["torch"]:
            raise UsageError(message("--distributed", "--impl torch", ", ".join(impls)))
        loaded = None if common.load is None else read_checkpoint(common.load, name, impls[0])
        chosen = make(name, given if loaded is None else loaded.settings(given, LABS[name]))
        check_outputs(chosen, common)
        processes = None
        if common.distributed:
            processes = _join(stack, chosen)
        if report_errors:
            for warning in chosen.warnings:
                typer.echo(f"warning: {warning}", err=True)
        quiet = common.quiet or not report_errors
        with progress(name, impls, chosen.steps, quiet, once=processes is None) as tick:
            report = run_lab(chosen, impls, tick, common.save, loaded, processes)
        if report_errors:
            _write(report, common)
            judge([report])


def make(name: str, given: Mapping[str, Any]) -> Lab:
    """The lab with these options; UsageError for one that it does not take."""
    kind = LABS[name]
    return kind(make_settings(name, kind.options, given))


def judge(reports: Sequence[Report]) -> None:
    """Failure where the curves of a lab differ."""
    wrong = [report.lab.name for report in reports if not report.agree]
    if wrong:
        raise Failure(f"the implementations disagree: {', '.join(wrong)}")


def _join(stack: ExitStack, chosen: Lab) -> Any:
    """The processes that torchrun started; UsageError where they cannot share the batch."""
    try:
        processes = stack.enter_context(joined())
        processes.share(chosen.settings.batch_size)
    except ValueError as error:
        raise UsageError(str(error)) from None
    return processes


def _write(report: Report, common: Common) -> None:
    if common.json is not None:
        show.write_json(report, common.json)
    if common.plot is not None:
        show.plot(report, common.plot)
    if not common.quiet:
        _show([report])


def _show(reports: Sequence[Report]) -> None:
    """The table, and below it what came out, in lines that are left as they are."""
    Console().print(show.table(reports))
    for report in reports:
        for line in show.results(report):
            typer.echo(line)


for _name, _kind in LABS.items():
    lab_app.command(_name, help=_kind.__doc__)(command(_kind, lab_command))
