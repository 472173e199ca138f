"""One contender on one case, checked once and timed round by round.

On a CPU each contender has a process of its own (processes.py, worker.py), so that they share neither
allocator nor thread pool; on a GPU, which has its own clock, all are in this one (gpu.py).
"""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import NamedTuple, Protocol

from benchmarks.cases import Case
from benchmarks.contenders.contender import Contender, Outcome, Prepared
from benchmarks.stats import Quartiles, quartiles


class Failed(Exception):
    """A contender that could not be prepared or run; one line says why."""


class Ready(NamedTuple):
    """What is known before the first round. `blas` is what multiplies matrices there; `launching` the share
    of a step that is over when its last kernel has been launched, None on a CPU.
    """

    outcome: Outcome
    memory: int | None = None
    kernel: str = ""
    rule: str = ""
    blas: str = ""
    launching: float | None = None


class Round(NamedTuple):
    """One turn: seconds of a step, over as many steps as fit; and the seconds of processor time that this
    contender has taken since its last turn, while it should have slept.
    """

    seconds: Quartiles
    idle_cpu: float = 0.0


class Session(Protocol):
    """What rounds.py asks of a contender at work."""

    contender: Contender

    def ready(self) -> Ready:
        """Wait until it is prepared and has computed; Failed where it could not."""

    def round(self) -> Round:
        """Take a turn."""

    def close(self) -> None:
        """Let go of everything."""


Timer = Callable[[Prepared], Quartiles]


def time_steps(
    prepared: Prepared, budget: float, clock: Callable[[], float] = perf_counter, least: int = 3
) -> Quartiles:
    """Seconds of a step by the clock: one unmeasured to warm the caches, then until `budget` is spent, and
    `least` times at the least. A step that takes longer than the budget is taken once, and counts.
    """
    times: list[float] = []
    while len(times) <= least or sum(times[1:]) < budget:
        start = clock()
        prepared.clear()
        prepared.step()
        times.append(clock() - start)
        if times[0] > budget:
            return quartiles(times)
    return quartiles(times[1:])


class InProcess:
    """A session in this process. `look` measures the launching share."""

    def __init__(
        self,
        contender: Contender,
        case: Case,
        timer: Timer,
        look: Callable[[Prepared], float] | None = None,
    ) -> None:
        self.contender, self.case, self.timer, self.look = contender, case, timer, look
        self.prepared: Prepared | None = None

    def ready(self) -> Ready:
        """Prepare, and run twice: the second outcome is judged, when nothing is new any more."""
        try:
            prepared = self.contender.prepare(self.case)
            for _ in range(2):
                prepared.clear()
                outcome = prepared.outcome(prepared.step())
            memory = None if prepared.memory is None else prepared.memory()
            launching = None if self.look is None else self.look(prepared)
        except Exception as error:
            raise Failed(_one_line(error)) from error
        self.prepared = prepared
        return Ready(outcome, memory, prepared.kernel, prepared.rule, launching=launching)

    def round(self) -> Round:
        """By the timer."""
        assert self.prepared is not None
        return Round(self.timer(self.prepared))

    def close(self) -> None:
        """There is no process to end."""
        self.prepared = None


def _one_line(error: BaseException) -> str:
    lines: Sequence[str] = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"
