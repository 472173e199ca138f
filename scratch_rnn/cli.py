"""The command line: `python -m scratch_rnn` runs every lab, `python -m scratch_rnn lab NAME` one.

It reads options, calls scratch_rnn.labs, and writes what comes back. Exit status 0 where the
implementations agree, 1 where they don't or a run fails, 2 for a user's mistake; a message is one line.
"""

import json
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from threading import Event
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from scratch_rnn.checks import message
from scratch_rnn.labs import LABS, Failure, Interrupted, Lab, Report, UsageError, run_lab, show
from scratch_rnn.labs.checkpoint import Checkpoint, read_checkpoint

RUNS = Path("runs")
"""Where the main job leaves its files."""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

Impl = StrEnum("Impl", ["numpy", "torch", "reference"])
Cell = StrEnum("Cell", ["rnn", "lstm", "gru"])
Optimizer = StrEnum("Optimizer", ["sgd", "adam"])
Dtype = StrEnum("Dtype", ["float64", "float32"])
Count = Annotated[int | None, typer.Option(min=1)]
Positive = Annotated[float | None, typer.Option(min=1e-12)]


@app.callback(invoke_without_command=True)
def main(context: typer.Context) -> None:
    """Recurrent networks by hand: run every lab on numpy, torch and the torch.nn reference."""
    if context.invoked_subcommand is not None:
        return
    with one_line_errors():
        RUNS.mkdir(exist_ok=True)
        reports = []
        for name, kind in LABS.items():
            report = _run(make(name, kind.quick), list(Impl), quiet=False)
            reports.append(report)
            write_json(RUNS / f"{name}.json", report)
            if show.can_plot(report.lab):
                show.plot(report, RUNS / f"{name}.png")
        Console().print(show.table(reports))
        Console().print(f"Wrote {RUNS}/*.json and {RUNS}/*.png")
        judge(reports)


@app.command()
def lab(
    name: Annotated[str, typer.Argument(metavar="NAME", help=", ".join(LABS))],
    impl: Annotated[list[Impl] | None, typer.Option(help="may be repeated; default all three")] = None,
    cell: Cell | None = None,
    hidden: Count = None,
    layers: Count = None,
    head: Annotated[bool | None, typer.Option("--head/--no-head")] = None,
    seed: Annotated[int | None, typer.Option(min=0)] = None,
    steps: Count = None,
    epochs: Count = None,
    batch_size: Count = None,
    lr: Positive = None,
    optimizer: Optimizer | None = None,
    clip: Positive = None,
    dtype: Dtype | None = None,
    text: str | None = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png")] = None,
    save: Annotated[Path | None, typer.Option(metavar="FILE.npz", help="with one --impl")] = None,
    load: Annotated[Path | None, typer.Option(metavar="FILE.npz", help="with one --impl")] = None,
    quiet: Annotated[bool, typer.Option("--quiet")] = False,
) -> None:
    """Run one lab. Options that are not given have the lab's own defaults."""
    own = ("name", "impl", "json_file", "plot", "save", "load", "quiet")
    given = {key: value for key, value in locals().items() if key not in (*own, "own") and value is not None}
    given = {key: str(value) if isinstance(value, StrEnum) else value for key, value in given.items()}
    impls = list(dict.fromkeys(impl or Impl))
    with one_line_errors():
        if name not in LABS:
            raise UsageError(message("lab", f"one of {', '.join(LABS)}", name))
        if len(impls) > 1 and (save or load):
            raise UsageError(message("--save and --load", "one --impl", ", ".join(impls)))
        checkpoint = None if load is None else read_checkpoint(load, name, impls[0])
        chosen = make(name, given if checkpoint is None else checkpoint.settings(given))
        for path in (json_file, plot, save):
            check_writable(path)
        if plot is not None and not show.can_plot(chosen):
            raise UsageError(message(name, "no --plot, as there is nothing to draw", plot))
        if not chosen.steps and (save or load):
            raise UsageError(message(name, "no --save or --load, as nothing is trained", save or load))
        report = _run(chosen, impls, quiet, save, checkpoint)
        if json_file is not None:
            write_json(json_file, report)
        if plot is not None:
            show.plot(report, plot)
        if not quiet:
            Console().print(show.table([report]))
        judge([report])


def make(name: str, given: Mapping[str, Any]) -> Lab:
    """The lab with these options; UsageError for one that it does not take."""
    kind = LABS[name]
    options = [field.name for field in fields(kind.options)]
    for option in given:
        if option not in options:
            known = ", ".join(f"--{each.replace('_', '-')}" for each in options)
            raise UsageError(message(name, f"options among {known}", f"--{option.replace('_', '-')}"))
    return kind(kind.options(**given))


def judge(reports: Sequence[Report]) -> None:
    """Failure where the curves of a lab differ."""
    wrong = [report.lab.name for report in reports if not report.agree]
    if wrong:
        raise Failure(f"the implementations disagree: {', '.join(wrong)}")


def check_writable(path: Path | None) -> None:
    """A file that cannot be written is found out before the work, not after it."""
    if path is None:
        return
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise UsageError(message("output", "a file in a folder that exists and can be written", path))


def write_json(path: Path, report: Report) -> None:
    """Whole or not at all: written beside, then renamed."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(json.dumps(report.as_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    beside.replace(path)


def _run(
    chosen: Lab,
    impls: Sequence[Impl],
    quiet: bool,
    save: Path | None = None,
    checkpoint: Checkpoint | None = None,
) -> Report:
    """Run a lab under a progress bar, on a terminal; silent in a pipe."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    silent = quiet or not console.is_terminal
    with (
        Progress(*columns, console=console, disable=silent, transient=True) as progress,
        stopping_between_steps() as asked_to_stop,
    ):
        tasks = {impl: progress.add_task(f"{chosen.name} {impl}", total=chosen.steps) for impl in impls}

        def tick(impl: str, done: int) -> None:
            progress.update(tasks[Impl(impl)], completed=done)
            if asked_to_stop.is_set():
                raise Interrupted

        return run_lab(chosen, impls, tick, save, checkpoint)


@contextmanager
def stopping_between_steps() -> Iterator[Event]:
    """Ctrl-C sets the event, so that a step is never cut in half; a second Ctrl-C stops at once."""
    asked = Event()

    def ask(number: int, frame: Any) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """A user's mistake or a failed run as one line and an exit status."""
    try:
        yield
    except UsageError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    except Failure as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
