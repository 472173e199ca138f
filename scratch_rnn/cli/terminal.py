"""The terminal during a run: progress bar, Ctrl-C and other signals, and tables."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from types import FrameType
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from scratch_rnn.labs.harness.protocols import Track
from scratch_rnn.labs.harness.run import Interrupted, Tick

T = TypeVar("T")
WIDEST = 10_000
"""Columns of a terminal on which every table fits."""

STOPS = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that stop a run; some systems lack the last one."""


@contextmanager
def progress(
    name: str, impls: Sequence[str], steps: int, quiet: bool, once: bool = True
) -> Iterator[tuple[Tick, Track]]:
    """The callbacks of `run_lab`: one after every step, one around the parts of the evaluation.

    They draw progress bars on a terminal and nothing in a pipe. After Ctrl-C the first returns True, the
    second raises Interrupted.
    """
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

        def track(label: str, parts: Sequence[T]) -> Iterator[T]:
            for part in bar.track(parts, description=label):
                if asked_to_stop.is_set():
                    raise Interrupted
                yield part

        yield tick, track


@contextmanager
def stopping_between_steps(once: bool) -> Iterator[Event]:
    """Ctrl-C and the other signals of STOPS set the event, so that a run stops between two steps.

    A signal that is ignored already (nohup ignores SIGHUP) stays ignored. With `once`, a second signal has
    its usual effect: Ctrl-C raises KeyboardInterrupt. Under torchrun one Ctrl-C arrives twice, from the
    terminal and from torchrun, so `once` is False there.
    """
    asked = Event()

    def ask(number: int, frame: FrameType | None) -> None:
        asked.set()
        if once:
            restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    names = [name for name in STOPS if hasattr(signal, name)]
    before = {signal.Signals[name]: signal.getsignal(signal.Signals[name]) for name in names}
    before = {number: handler for number, handler in before.items() if handler != signal.SIG_IGN}
    for number in before:
        signal.signal(number, ask)
    try:
        yield asked
    finally:
        restore()


def print_table(table: Table) -> None:
    """Print a table in its full width: no cell is cut."""
    console = Console()
    wide = console.options.update(width=WIDEST)
    console.width = max(console.width, console.measure(table, options=wide).maximum)
    console.print(table)
