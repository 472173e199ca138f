"""What lies between a run and the terminal: a progress bar, Ctrl-C, and errors of one line."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from scratch_rnn.checks import Failure, UsageError


@contextmanager
def progress(
    name: str, impls: Sequence[str], steps: int, quiet: bool, once: bool = True
) -> Iterator[Callable[[str, int], bool]]:
    """What `run_lab` ticks: draws a bar on a terminal, is silent in a pipe, and passes Ctrl-C on."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    silent = quiet or not console.is_terminal
    with (
        Progress(*columns, console=console, disable=silent, transient=True) as bar,
        stopping_between_steps(once) as asked_to_stop,
    ):
        tasks = {impl: bar.add_task(f"{name} {impl}", total=steps) for impl in impls}

        def tick(impl: str, done: int) -> bool:
            bar.update(tasks[impl], completed=done)
            return asked_to_stop.is_set()

        yield tick


@contextmanager
def stopping_between_steps(once: bool) -> Iterator[Event]:
    """Ctrl-C sets the event, so that a step is never cut in half.

    With `once`, a second Ctrl-C stops at once. Under torchrun one Ctrl-C arrives twice, from the terminal
    and from torchrun: there, without.
    """
    asked = Event()

    def ask(number: int, frame: Any) -> None:
        asked.set()
        if once:
            signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def one_line_errors(report_errors: bool = True) -> Iterator[None]:
    """A user's mistake, a failed run or a file that cannot be written as one line and an exit status."""
    try:
        yield
    except UsageError as error:
        status, text = 2, str(error)
    except Failure as error:
        status, text = 1, str(error)
    except BrokenPipeError:
        raise
    except OSError as error:
        status, text = 1, str(error)
    else:
        return
    if report_errors:
        typer.echo(f"error: {' '.join(text.splitlines())}", err=True)
    raise typer.Exit(status)
