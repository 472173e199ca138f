"""An inaccurate contender is not timed; the others are compared round by round; ties are called ties."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from itertools import count

import numpy as np
import pytest
import torch
from rich.console import Console

from benchmarks.cases import Case, Size
from benchmarks.contenders.contender import Contender, Prepared
from benchmarks.registry import find
from benchmarks.report import picture, tables
from benchmarks.timing.rounds import Row, measure
from benchmarks.timing.run import judge
from benchmarks.timing.session import Failed, InProcess, Round, Session, time_steps
from benchmarks.timing.stats import Quartiles, paired, quartiles, verdict
from scratch_rnn.checks import Failure

CASE = Case("gru", "training", Size(3, 2, 4, 5), dtype="float64")


class Scripted(Contender):
    """torch.nn's outcome, or one that is off in a single gradient, or none at all."""

    def __init__(self, name: str, seconds: Callable[[int], float], off: float = 0.0) -> None:
        super().__init__(name)
        self.seconds, self.off = seconds, off

    def prepare(self, case: Case) -> Prepared:
        if np.isnan(self.off):
            raise MemoryError("no room\nfor this")
        inner = find("torch.nn").prepare(case)

        def outcome(ends: object) -> dict[str, np.ndarray]:
            found = dict(inner.outcome(ends))
            found["d_bias_hh_l0"] = found["d_bias_hh_l0"] + self.off * np.eye(15)[7]
            return found

        return inner._replace(outcome=outcome)


class Clockwork(InProcess):
    """Rounds take the seconds of the script; `turns` lists whose turn it was."""

    turns: list[str]

    def round(self) -> Round:
        assert isinstance(self.contender, Scripted)
        self.turns.append(self.contender.name)
        seconds = self.contender.seconds(self.turns.count(self.contender.name) - 1)
        return Round(seconds, idle_cpu=0.001)


def run(*contenders: Contender, rounds: int = 5) -> tuple[dict[str, Row], list[str]]:
    turns: list[str] = []

    def open_session(contender: Contender, case: Case) -> Session:
        session = Clockwork(contender, case, lambda _: Round(0))
        session.turns = turns
        return session

    baselines = {contender.name: "torch.nn" for contender in contenders}
    rows = measure(CASE, contenders, open_session, rounds, baselines)
    return {row.contender: row for row in rows}, turns


def test_an_inaccurate_contender_is_not_timed() -> None:
    rows, turns = run(Scripted("torch.nn", lambda _: 1), Scripted("wrong", lambda _: 0.5, off=1e-6), rounds=2)
    wrong = rows["wrong"]
    assert turns == ["torch.nn", "torch.nn"]
    assert wrong.refused.startswith("inaccurate: error ")
    assert wrong.error is not None
    assert 1e-10 < wrong.error <= 1e-6
    assert (wrong.seconds, wrong.ratio, wrong.verdict) == (None, None, "")
    assert not rows["torch.nn"].refused


def test_one_that_fails_is_named_and_the_others_go_on() -> None:
    rows, turns = run(Scripted("torch.nn", lambda _: 1), Scripted("fails", lambda _: 1, off=np.nan), rounds=2)
    assert rows["fails"].refused == "failed: MemoryError: no room"
    assert turns == ["torch.nn", "torch.nn"]


def test_a_failure_in_a_round_is_a_failed_row_and_the_others_go_on() -> None:
    def out_of_memory(round: int) -> float:
        if round == 1:
            raise Failed("OutOfMemoryError: CUDA out of memory")
        return 1

    rows, turns = run(Scripted("torch.nn", lambda _: 1), Scripted("fails late", out_of_memory), rounds=3)
    assert turns == ["torch.nn", "fails late"] * 2 + ["torch.nn"]
    assert rows["fails late"].refused == "failed: OutOfMemoryError: CUDA out of memory"
    assert (rows["fails late"].seconds, rows["fails late"].ratio) == (None, None)
    assert len(rows["torch.nn"].rounds) == 3


def test_any_exception_of_a_timer_is_a_failure() -> None:
    def timer(prepared: Prepared) -> Round:
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 2 GiB")

    session = InProcess(find("torch.nn"), CASE, timer)
    session.ready()
    with pytest.raises(Failed, match=r"^OutOfMemoryError: CUDA out of memory\.$"):
        session.round()


def test_doubtful_rows_are_flagged() -> None:
    class Fixed(InProcess):
        def round(self) -> Round:
            name = self.contender.name
            turns[name] = turns.get(name, 0) + 1
            if name == "numpy-steps":
                return Round(1.0 if turns[name] % 2 else 3.0)
            return Round(1.0 if name == "torch.nn" else 1.5)

    turns: dict[str, int] = {}
    contenders = [find(name) for name in ("torch.nn", "numpy-steps", "floor-torch")]
    rows = measure(CASE, contenders, lambda c, case: Fixed(c, case, lambda _: Round(0)), 4, {})
    assert [list(row.flags) for row in rows] == [
        ["floor above 100 %"],
        ["quartiles wider than a factor of 2"],
        [],
    ]
    assert tables.label_of(rows[0]) == "torch.nn (ATen) !"


def test_without_a_baseline_there_are_times_and_no_ratios() -> None:
    rows, _ = run(Scripted("torch.nn", lambda _: 1, off=1.0), Scripted("good", lambda _: 0.5))
    assert rows["torch.nn"].refused
    assert rows["good"].seconds == Quartiles(0.5, 0.5, 0.5)
    assert rows["good"].ratio is None


def test_rounds_alternate_and_ratios_are_paired() -> None:
    drift = [1.0, 10.0, 100.0, 1000.0, 10000.0]  # the machine slows down; the two slow down together
    rows, turns = run(
        Scripted("torch.nn", lambda k: 2 * drift[k]),
        Scripted("twice as fast", lambda k: drift[k]),
        Scripted("noisy", lambda k: 2 * drift[k] * [0.8, 0.9, 1.0, 1.1, 1.2][k]),
        Scripted("slower", lambda k: 3 * drift[k]),
    )
    assert turns[:4] == turns[4:8] == ["torch.nn", "twice as fast", "noisy", "slower"]
    assert rows["twice as fast"].ratio == Quartiles(2, 2, 2)
    assert rows["noisy"].ratio is not None
    assert rows["noisy"].ratio.median == 1
    assert [rows[name].verdict for name in rows] == ["", "faster", "tie", "slower"]
    assert rows["slower"].idle_cpu == pytest.approx(0.005)


def test_quartiles_and_ties() -> None:
    assert quartiles([3, 1, 2, 5, 4]) == (3, 2, 4)
    assert quartiles([7]) == (7, 7, 7)
    assert paired([2, 4, 8], [1, 4, 2]) == (2, 1.5, 3)
    assert verdict(Quartiles(1.3, 0.99, 1.5)) == "tie"
    assert verdict(Quartiles(1.3, 1.01, 1.5)) == "faster"
    assert verdict(Quartiles(0.9, 0.8, 0.99)) == "slower"


def test_a_round_warms_up_first_and_fills_its_budget() -> None:
    def ticking(durations: Iterator[float]) -> Callable[[], float]:
        now, ends = 0.0, count()

        def clock() -> float:
            nonlocal now
            if next(ends) % 2:
                now += next(durations)
            return now

        return clock

    steps: list[int] = []
    prepared = Prepared(lambda: steps.append(1))
    cold_first = iter([9.0] + [1.0] * 100)
    assert time_steps(prepared, 10, ticking(cold_first)) == Round(1)
    assert len(steps) == 11
    assert time_steps(prepared, 0.5, ticking(iter([9.0]))) == Round(9)


def test_floors_come_last_and_give_shares() -> None:
    class Fixed(InProcess):
        def round(self) -> Round:
            seconds = 1.0 if self.contender.is_floor else 4.0
            return Round(seconds)

    def open_session(contender: Contender, case: Case) -> Session:
        return Fixed(contender, case, lambda _: Round(0))

    contenders = [find(name) for name in ("floor-torch", "torch.nn", "numpy-steps")]
    rows = measure(CASE, contenders, open_session, 1, {})
    assert [row.contender for row in rows] == ["torch.nn", "numpy-steps", "floor-torch"]
    assert [row.floor_share for row in rows] == [0.25, None, 1.0]


def test_a_contender_that_was_not_timed_is_shown_written_and_fails_the_run() -> None:
    rows, _ = run(Scripted("torch.nn", lambda _: 1), Scripted("wrong", lambda _: 1, off=1e3), rounds=1)
    console = Console(width=150, file=StringIO())
    console.print(tables.tables(list(rows.values())))
    assert isinstance(console.file, StringIO)
    assert "inaccurate: error" in console.file.getvalue()
    rows["wrong"] = replace(rows["wrong"], error=float("inf"))
    written = tables.as_json(list(rows.values()), {})["rows"]
    assert [row["error"] is None for row in written] == [False, True]
    with pytest.raises(
        Failure, match=r"^not timed: wrong in GRU training padded float64 3,2,4,5 \(inaccurate: error"
    ):
        judge(list(rows.values()))


def test_tables_and_pictures_show_no_memory_of_floors() -> None:
    """A floor multiplies arrays that were there before: its memory says nothing."""
    ours = Row(CASE, "numpy-fused", "torch.nn", seconds=Quartiles(1.0, 1.0, 1.0), gflops=1.0, memory=2**20)
    floor = replace(ours, contender="floor-numpy")
    assert [picture.QUANTITIES["peak memory (MiB)"](row) for row in (ours, floor)] == [1.0, None]
    assert [tables._cells(row)[4] for row in (ours, floor)] == ["1 MiB", ""]
