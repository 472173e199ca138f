"""A whole run: every case in turn, with a progress bar on a terminal and silence in a pipe."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks import gpu
from benchmarks.cases import Case
from benchmarks.contenders import BASELINE, find, replayed
from benchmarks.contenders.contender import Contender
from benchmarks.processes import Worker
from benchmarks.rounds import Row, measure
from benchmarks.session import InProcess, Session
from scratch_rnn.checks import message
from scratch_rnn.labs import Failure, UsageError

Baselines = Callable[[Case], Mapping[str, str]]


@dataclass(frozen=True)
class Run:
    """How everything is timed: `budget` is the seconds of a round."""

    device: str
    threads: int
    rounds: int
    budget: float

    def open(self, contender: Contender, case: Case) -> Session:
        """A process of its own on a CPU; here on a GPU."""
        if self.device == "cuda":
            return InProcess(contender, case, gpu.time_on_gpu, gpu.launching_share)
        return Worker(contender, case, self.threads, self.budget)

    def rows(self, cases: Sequence[Case], names: Sequence[str], baselines: Baselines) -> list[Row]:
        """Of all cases, in order. On a GPU, what is bound by launches is also replayed as a graph."""
        contenders, rows = [find(name) for name in names], []
        replay = replayed if self.device == "cuda" else None
        with _progress(len(cases) * self.rounds) as tick:
            for case in cases:
                tick(str(case), 0)
                rows += measure(
                    case,
                    contenders,
                    self.open,
                    self.rounds,
                    baselines(case),
                    lambda case=case: tick(str(case), 1),  # type: ignore[misc]
                    replay,
                )
        return rows


def against_torch(names: Sequence[str]) -> Baselines:
    """Everyone against torch.nn, replayed or not; the floors against nobody."""
    found = {name: BASELINE for name in names if not name.startswith("floor")}
    return lambda case: found | {f"{name}-graph": BASELINE for name in names}


def check_present(chosen: Sequence[str], cases: Sequence[Case]) -> None:
    """UsageError for a contender that was asked for and takes part in no case."""
    for name in chosen:
        reasons = [find(name).absent(case) for case in cases]
        if all(reasons):
            raise UsageError(message(f"--contender {name}", "a case that it can take part in", reasons[0]))


def judge(rows: Sequence[Row]) -> None:
    """Failure where a contender was not timed."""
    refused = [f"{row.contender} in {row.case} ({row.refused})" for row in rows if row.refused]
    if refused:
        more = f", and {len(refused) - 1} more" if len(refused) > 1 else ""
        raise Failure(f"not timed: {refused[0]}{more}")


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str, int], None]]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda text, done: bar.update(task, description=text, advance=done)
