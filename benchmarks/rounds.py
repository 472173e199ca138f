"""Contenders on one case: all checked, then timed in turns, A B C A B C, and compared round by round."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks import oracle
from benchmarks.cases import Case
from benchmarks.contenders.contender import Contender
from benchmarks.flops import flops
from benchmarks.session import Failed, Ready, Session
from benchmarks.stats import Quartiles, paired, quartiles, verdict

Open = Callable[[Contender, Case], Session]
"""Starts a session."""
LAUNCH_BOUND = 0.8
"""A step is bound by its launches where this share of it is over when the last one has happened."""


@dataclass(frozen=True)
class Row:
    """What came out for one contender. `refused` says why it was not timed: it failed, or it was wrong.

    `error` is how far off its outcome was, None where there is none to judge. `seconds` are of a step,
    `ratio` is time(baseline) / time(this one), paired by rounds. `floor_share` is how much of its time the
    matrix products alone take in its library. `memory` is in bytes.
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
    ratio: Quartiles | None = None
    verdict: str = ""
    gflops: float | None = None
    floor_share: float | None = None
    memory: int | None = None
    launching: float | None = None
    idle_cpu: float = 0.0


@dataclass
class _Turns:
    """A session and its rounds so far."""

    session: Session
    ready: Ready | None = None
    error: float | None = None
    refused: str = ""
    rounds: list[float] = field(default_factory=list)
    idle_cpu: float = 0.0

    @property
    def contender(self) -> Contender:
        return self.session.contender


def measure(
    case: Case,
    contenders: Sequence[Contender],
    open_session: Open,
    rounds: int,
    baselines: Mapping[str, str],
    tick: Callable[[], None] = lambda: None,
    replay: Callable[[str], Contender] | None = None,
) -> list[Row]:
    """A row for each contender that takes part in this case. `baselines` says whom each is compared with;
    `replay`, what replays a contender that is bound by its launches. `tick` is called after every round.
    """
    present = [contender for contender in contenders if not contender.absent(case)]
    with _opened(case, present, open_session) as (turns, stack):
        for each in turns:
            _check(case, each)
        for again in _launch_bound(turns, replay, case):
            turns.append(_Turns(open_session(again, case)))
            stack.callback(turns[-1].session.close)
            _check(case, turns[-1])
        for _ in range(rounds):
            for each in turns:
                _take(each)
            tick()
    return _rows(case, turns, baselines)


@contextmanager
def _opened(
    case: Case, contenders: Sequence[Contender], open_session: Open
) -> Iterator[tuple[list[_Turns], ExitStack]]:
    """All start at once, and prepare side by side; none outlives the case."""
    turns: list[_Turns] = []
    with ExitStack() as stack:
        for contender in contenders:
            turns.append(_Turns(open_session(contender, case)))
            stack.callback(turns[-1].session.close)
        yield turns, stack


def _check(case: Case, turns: _Turns) -> None:
    """Nobody who fails or is wrong takes a turn."""
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
        turns.refused = f"wrong: off by {turns.error:.1e}, {allowed:.0e} is allowed"
    turns.ready = turns.ready._replace(outcome={})


def _launch_bound(
    turns: Sequence[_Turns], replay: Callable[[str], Contender] | None, case: Case
) -> list[Contender]:
    """What replays the steps that wait for their launches, as far as it does not take part already."""
    names = {each.contender.name for each in turns}
    found = []
    for each in turns:
        waits = not each.refused and each.ready is not None and (each.ready.launching or 0) > LAUNCH_BOUND
        if waits and replay is not None and not each.contender.is_floor:
            found.append(replay(each.contender.name))
    return [again for again in found if again.name not in names and not again.absent(case)]


def _take(turns: _Turns) -> None:
    if turns.refused:
        return
    try:
        taken = turns.session.round()
    except Failed as failed:
        turns.refused = f"failed: {failed}"
        return
    turns.rounds.append(taken.seconds.median)
    turns.idle_cpu += taken.idle_cpu


def _rows(case: Case, turns: Sequence[_Turns], baselines: Mapping[str, str]) -> list[Row]:
    """Floors stand last, and every other contender on its own library's."""
    timed = {each.contender.name: each for each in turns if not each.refused}
    floors = {each.contender.library: each for each in timed.values() if each.contender.is_floor}
    rows = []
    for each in sorted(turns, key=lambda each: each.contender.is_floor):
        name = each.contender.name
        baseline = baselines.get(name, "")
        ready = each.ready or Ready({})
        row = Row(
            case,
            name,
            baseline,
            error=each.error,
            refused=each.refused,
            kernel=ready.kernel,
            rule=ready.rule,
            blas=ready.blas,
            memory=ready.memory,
            launching=ready.launching,
            idle_cpu=each.idle_cpu,
        )
        if not each.refused:
            row = replace(row, **_timed(case, each, timed.get(baseline), floors.get(each.contender.library)))
        rows.append(row)
    return rows


def _timed(case: Case, turns: _Turns, baseline: _Turns | None, floor: _Turns | None) -> dict[str, Any]:
    """What the rounds say, alone and against those that ran beside them."""
    seconds = quartiles(turns.rounds)
    found: dict[str, Any] = {"rounds": turns.rounds, "seconds": seconds}
    found["gflops"] = flops(case) / seconds.median / 1e9
    if baseline is not None and baseline is not turns:
        ratio = paired(baseline.rounds, turns.rounds)
        found |= {"ratio": ratio, "verdict": verdict(ratio)}
    if floor is not None:
        found["floor_share"] = paired(floor.rounds, turns.rounds).median
    return found
