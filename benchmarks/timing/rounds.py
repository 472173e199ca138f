"""Contenders on one case: all checked, then timed in turns, A B C A B C, and compared round by round."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.cases import Case
from benchmarks.contenders.contender import Contender
from benchmarks.timing import gpu, oracle
from benchmarks.timing.flops import flops
from benchmarks.timing.session import Failed, Ready, Round, Session
from benchmarks.timing.stats import Quartiles, paired, quartiles, verdict

OpenSession = Callable[[Contender, Case], Session]
WIDE = 2  # a row whose quartiles of time differ by more than this factor is flagged


@dataclass(frozen=True)
class Row:
    """The result of one contender. `refused` says why it was not timed: it failed, or it was inaccurate.

    `error` is that of its outcome, None if there is none. `seconds` are those of a step, `gpu_seconds` the
    same by events of the GPU; `ratio` is time(baseline) / time(this one), paired by rounds. `floor_share` is
    the share of its time that the matrix products alone take in its library, `peak_share` its share of the
    peak rate of products. `memory` is the peak of a training step in bytes, `launches` the kernels per time
    step, `conditions` clocks and power of the GPU. `flags` are reasons to doubt the row.
    """

    case: Case
    contender: str
    baseline: str
    error: float | None = None
    refused: str = ""
    kernel: str = ""
    rule: str = ""
    blas: str = ""
    rounds: Sequence[float] = ()
    seconds: Quartiles | None = None
    gpu_seconds: Quartiles | None = None
    ratio: Quartiles | None = None
    verdict: str = ""
    gflops: float | None = None
    floor_share: float | None = None
    peak_share: float | None = None
    memory: int | None = None
    launches: float | None = None
    idle_cpu: float = 0.0
    conditions: Mapping[str, str] = field(default_factory=dict)
    flags: Sequence[str] = ()


def grouped(rows: Sequence[Row], attribute: str) -> dict[str, list[Row]]:
    """The rows of each value of an attribute of their cases."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(getattr(row.case, attribute), []).append(row)
    return found


@dataclass
class _Turns:
    """A session and its rounds so far."""

    session: Session
    ready: Ready = field(default_factory=lambda: Ready({}))
    error: float | None = None
    refused: str = ""
    rounds: list[Round] = field(default_factory=list)

    @property
    def contender(self) -> Contender:
        return self.session.contender

    @property
    def seconds(self) -> list[float]:
        return [taken.seconds for taken in self.rounds]


def measure(
    case: Case,
    contenders: Sequence[Contender],
    open_session: OpenSession,
    rounds: int,
    baselines: Mapping[str, str],
    tick: Callable[[], None] = lambda: None,
    peak: float | None = None,
) -> list[Row]:
    """A row for each contender that can run this case. `baselines` says what each is compared with, `tick` is
    called after every round, `peak` is the peak rate of products in flop/s, if known.
    """
    present = [contender for contender in contenders if not contender.unsupported_reason(case)]
    with ExitStack() as stack:
        # On a CPU a session is a process of its own: all load their modules while the first one prepares.
        sessions = [stack.enter_context(closing(open_session(contender, case))) for contender in present]
        turns = [_Turns(session) for session in sessions]
        for each in turns:
            _check(case, each)
        for _ in range(rounds):
            for each in turns:
                _take(each)
            tick()
        return _rows(case, turns, baselines, peak)


def _check(case: Case, turns: _Turns) -> None:
    """A contender that fails or is inaccurate is not timed."""
    try:
        turns.ready = turns.session.ready()
    except Failed as failed:
        turns.refused = f"failed: {failed}"
        return
    if turns.contender.is_floor:
        return
    turns.error = oracle.error(case, turns.ready.outcome)
    allowed = oracle.bound(case)
    if not turns.error <= allowed:
        turns.refused = f"inaccurate: error {turns.error:.1e}, {allowed:.0e} is allowed"
    turns.ready = turns.ready._replace(outcome={})


def _take(turns: _Turns) -> None:
    """One round; a contender that fails in it is not timed any further, the others are."""
    if turns.refused:
        return
    try:
        turns.rounds.append(turns.session.round())
    except Failed as failed:
        turns.refused = f"failed: {failed}"


def _rows(case: Case, turns: Sequence[_Turns], baselines: Mapping[str, str], peak: float | None) -> list[Row]:
    """Floors come last; every other contender is compared with the floor of its own library."""
    timed = {each.contender.name: each for each in turns if not each.refused}
    floors = {each.contender.library: each for each in timed.values() if each.contender.is_floor}
    rows = []
    for each in sorted(turns, key=lambda each: each.contender.is_floor):
        name, ready = each.contender.name, each.ready
        known = ready.kernel, ready.rule, ready.blas
        row = Row(case, name, baselines.get(name, ""), each.error, each.refused, *known)
        row = replace(row, memory=ready.memory, idle_cpu=sum(taken.idle_cpu for taken in each.rounds))
        if ready.launches is not None:
            row = replace(row, launches=len(ready.launches) / case.size.steps)
            if row.kernel == "cuDNN":
                observed = gpu.observed_algorithm(ready.launches)
                row = replace(row, rule=f"{row.rule}; the kernels are {observed}")
        if not each.refused:
            floor = floors.get(each.contender.library)
            row = replace(row, **_timed(case, each, timed.get(row.baseline), floor, peak))
            row = replace(row, flags=_flags(row))
        rows.append(row)
    return rows


def _timed(
    case: Case, turns: _Turns, baseline: _Turns | None, floor: _Turns | None, peak: float | None
) -> dict[str, Any]:
    """The fields that come from the rounds, alone and compared with the rounds of others."""
    seconds = quartiles(turns.seconds)
    rate = flops(case) / seconds.median
    found: dict[str, Any] = {"rounds": turns.seconds, "seconds": seconds, "gflops": rate / 1e9}
    on_gpu = [taken.gpu_seconds for taken in turns.rounds if taken.gpu_seconds is not None]
    if on_gpu:
        found["gpu_seconds"] = quartiles(on_gpu)
    if baseline is not None and baseline is not turns:
        ratio = paired(baseline.seconds, turns.seconds)
        found |= {"ratio": ratio, "verdict": verdict(ratio)}
    if floor is not None:
        found["floor_share"] = paired(floor.seconds, turns.seconds).median
    if peak is not None:
        found["peak_share"] = rate / peak
    return found


def _flags(row: Row) -> list[str]:
    """Signs that something else slowed a measurement down."""
    flags = []
    if row.floor_share is not None and row.floor_share > 1 and not row.contender.startswith("floor"):
        flags.append("floor above 100 %")
    if row.seconds is not None and row.seconds.q3 > WIDE * row.seconds.q1:
        flags.append(f"quartiles wider than a factor of {WIDE}")
    return flags
