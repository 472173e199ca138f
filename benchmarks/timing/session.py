"""One contender on one case, checked once and timed round by round.

On a CPU each contender has its own process (worker.py), so that contenders share neither allocator nor thread
pool. On a GPU all run in this process, and gpu.py times them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from typing import NamedTuple, Protocol

from benchmarks.cases import Case
from benchmarks.contenders.contender import Contender, Outcome, Prepared
from benchmarks.timing import machine


class Failed(Exception):
    """A contender that could not be prepared or run; one line says why."""


class Ready(NamedTuple):
    """Known before the first round: `memory`, the peak of a training step in bytes; `launches`, on a GPU the
    names of all kernels that a step runs; `blas`, the library of the matrix products.
    """

    outcome: Outcome
    memory: int | None = None
    kernel: str = ""
    rule: str = ""
    blas: str = ""
    launches: list[str] | None = None


class Round(NamedTuple):
    """Seconds of a step in one turn: by the clock, and on a GPU by its own events. `idle_cpu` are the seconds
    of processor time that a process used since its last turn, while it should have slept.
    """

    seconds: float
    gpu_seconds: float | None = None
    idle_cpu: float = 0.0


class Session(Protocol):
    """A contender that is ready to be timed, as rounds.py uses it."""

    contender: Contender

    def ready(self) -> Ready:
        """Wait until it is prepared and has computed; Failed if it could not."""

    def round(self) -> Round:
        """One turn; Failed if it could not."""

    def close(self) -> None:
        """Release everything."""


Timer = Callable[[Prepared], Round]


def time_steps(
    prepared: Prepared, budget: float = 0, clock: Callable[[], float] = perf_counter, least: int = 3
) -> Round:
    """The median seconds of a step by the clock: one step to warm up, then steps until `budget` seconds are
    spent, at least `least`. A step that takes longer than the budget is run once only.
    """
    times: list[float] = []
    while len(times) <= least or sum(times[1:]) < budget:
        prepared.before()
        start = clock()
        prepared.step()  # the timed line
        times.append(clock() - start)
        if times[0] > budget:
            return Round(times[0])
    return Round(median(times[1:]))


class InProcess:
    """A session in this process. `peak` runs a call and measures its memory; `launches` lists its kernels."""

    def __init__(
        self,
        contender: Contender,
        case: Case,
        timer: Timer = time_steps,
        peak: Callable[[Callable[[], object]], int | None] = machine.peak_bytes,
        launches: Callable[[Prepared], list[str]] | None = None,
    ) -> None:
        self.contender, self.case, self.timer = contender, case, timer
        self.peak, self.launches = peak, launches
        self.prepared: Prepared | None = None

    def ready(self) -> Ready:
        """Prepare and run a step; its memory is measured, its outcome compared."""
        with _failures():
            prepared, memory = self.contender.prepare(self.case), None
            prepared.before()
            if self.case.mode == "training":
                memory = self.peak(prepared.step) or None  # a CUDA graph allocates nothing when replayed
                prepared.before()
            outcome = prepared.outcome(prepared.step())
            launches = None if self.launches is None else self.launches(prepared)
        self.prepared = prepared
        return Ready(outcome, memory, prepared.kernel, prepared.rule, launches=launches)

    def round(self) -> Round:
        """By the timer."""
        assert self.prepared is not None
        with _failures():
            return self.timer(self.prepared)

    def close(self) -> None:
        """Drop the arrays."""
        self.prepared = None


@contextmanager
def _failures() -> Iterator[None]:
    """Any exception as Failed, with one line of text."""
    try:
        yield
    except Exception as error:
        lines = str(error).splitlines() or [""]
        raise Failed(f"{type(error).__name__}: {lines[0]}") from error
