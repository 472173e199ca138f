"""What a rung is given and what it gives back.

Axes (scratch_rnn/notation.py): T steps, N rows, I inputs, H hidden, G gate rows.
"""

from collections.abc import Callable
from typing import NamedTuple

from jaxtyping import Float
from numpy import ndarray

from benchmarks.cases import Case
from benchmarks.contenders.contender import Outcome
from benchmarks.data import make_data, named_states

States = tuple[Float[ndarray, "N H"], ...]
"""h, or h and c."""


class Weights(NamedTuple):
    """Of one layer, in torch's layout; or the gradient with respect to them."""

    weight_ih: Float[ndarray, "G I"]
    weight_hh: Float[ndarray, "G H"]
    bias_ih: Float[ndarray, "G"]
    bias_hh: Float[ndarray, "G"]


class Problem(NamedTuple):
    """Input, first state, weights, and the gradients that arrive: d_output is None in inference."""

    cell: str
    x: Float[ndarray, "T N I"]
    state: States
    weights: Weights
    d_output: Float[ndarray, "T N H"] | None
    d_state_n: States

    @property
    def training(self) -> bool:
        """Whether there is a way back."""
        return self.d_output is not None

    @property
    def hidden(self) -> int:
        """H."""
        return self.state[0].shape[1]


class Gradients(NamedTuple):
    """What the way back finds."""

    x: Float[ndarray, "T N I"]
    state: States
    weights: Weights


class Solution(NamedTuple):
    """Outputs, the last state, and the gradients; None in inference."""

    output: Float[ndarray, "T N H"]
    state_n: States
    gradients: Gradients | None


Rung = Callable[[Problem], Solution]


def make_problem(case: Case) -> Problem:
    """The numbers that every contender gets."""
    data = make_data(case)
    weights = Weights(**{name.removesuffix("_l0"): array for name, array in data.params.items()})
    state = tuple(part[0] for part in data.states.values())
    d_output = data.d_output.reshape(*data.x.shape[:2], -1) if case.training else None
    return Problem(case.cell, data.x, state, weights, d_output, tuple(d[0] for d in data.d_states.values()))


def named(case: Case, solution: Solution) -> Outcome:
    """As the oracle names things."""
    output, state_n, gradients = solution
    hs = state_n if len(state_n) > 1 else state_n[0]
    found = {"output": output.reshape(-1, output.shape[2])} | named_states(case, "", "_n", hs)
    if gradients is not None:
        d_state = gradients.state if len(state_n) > 1 else gradients.state[0]
        found |= {"d_x": gradients.x.reshape(-1, gradients.x.shape[2])}
        found |= named_states(case, "d_", "_0", d_state)
        found |= {f"d_{name}_l0": grad for name, grad in gradients.weights._asdict().items()}
    return {name: array[None] if name[-2:] in ("_n", "_0") else array for name, array in found.items()}
