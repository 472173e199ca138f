"""The rungs in order, as contenders; each is compared with the one below it."""

from typing import NamedTuple

from benchmarks.cases import Case
from benchmarks.contenders.contender import Contender, Outcome, Prepared
from benchmarks.ladder import by_feature, by_hand, naive
from benchmarks.ladder.problem import Rung, Solution, make_problem, named
from scratch_rnn.checks import message


class Step(NamedTuple):
    """A rung: its function, and whether its trick needs many gates, or a way back, to change anything."""

    rung: Rung
    many_gates: bool = False
    way_back: bool = False


RUNGS = {
    "separate gates": Step(naive.separate_gates),
    "one GEMM for the gates": Step(naive.one_gemm, many_gates=True),
    "hoisted input": Step(naive.hoisted_input),
    "in-place activations": Step(naive.in_place),
    "manual backward": Step(by_hand.manual_backward),
    "batched weight gradients": Step(by_hand.batched_gradients, way_back=True),
    "feature-major": Step(by_feature.features_first),
}
BESIDE = ("numpy-fused", "torch.nn", "floor-numpy")
"""What stands beside the ladder."""


class Climber(Contender):
    """One rung."""

    def absent(self, case: Case) -> str:
        """A rung that changes nothing is left out."""
        step = RUNGS[self.name]
        if step.many_gates and case.cell == "rnn":
            return "there is one gate"
        if step.way_back and not case.training:
            return "it changes the way back only"
        if case.layout == "packed" or case.proj:
            return "rungs are padded and unprojected"
        return super().absent(case)

    def prepare(self, case: Case) -> Prepared:
        """A function of the whole problem."""
        problem, rung = make_problem(case), RUNGS[self.name].rung

        def outcome(solution: Solution) -> Outcome:
            return named(case, solution)

        return Prepared(lambda: rung(problem), outcome)


def find(name: str) -> Contender:
    """A rung by its name; ValueError for an unknown one."""
    if name not in RUNGS:
        raise ValueError(message("benchmarks", "the name of a contender or a rung", repr(name)))
    return Climber(name)


def baselines(case: Case) -> dict[str, str]:
    """Whom each rung is compared with: the one below; what stands beside, with the highest rung."""
    present = [name for name in RUNGS if not Climber(name).absent(case)]
    below = dict(zip(present[1:], present, strict=False))
    return below | dict.fromkeys(BESIDE, present[-1])
