"""What a contender is, and what it hands over to be checked and timed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from numpy import ndarray

from benchmarks.cases import Case

Outcome = Mapping[str, ndarray]
"""output, h_n, c_n; in training also d_x, d_h_0, d_c_0, d_weight_ih_l0, …; output and d_x as rows (R, ·)."""


class Prepared(NamedTuple):
    """One contender, ready for one case.

    `step` is what is timed, and `outcome` turns what it gave back into arrays by name. `leaves` are tensors
    whose .grad must be None before a step. `memory` is the number of bytes that a training step holds until
    its way back has used them, None where nobody can tell. `kernel` is whose kernel computes, where a library
    has a choice, and `rule` why.
    """

    step: Callable[[], Any]
    outcome: Callable[[Any], Outcome] = lambda _: {}
    leaves: Sequence[Any] = ()
    memory: Callable[[], int] | None = None
    kernel: str = ""
    rule: str = ""

    def clear(self) -> None:
        """Let the next step find no gradient to add to."""
        for leaf in self.leaves:
            leaf.grad = None


class Contender:
    """Who computes. A subclass says how; an instance is an entry of the list in __init__.py."""

    devices: Sequence[str] = ("cpu",)
    library = "numpy"
    """Whose matrix products it calls, hence which floor it stands on: numpy or torch."""
    is_floor = False
    """Matrix products alone: there is no outcome to check."""

    def __init__(self, name: str) -> None:
        self.name = name

    def absent(self, case: Case) -> str:
        """Why it does not take part in a case; empty where it does."""
        return "" if case.device in self.devices else f"{self.name} does not run on {case.device}"

    def prepare(self, case: Case) -> Prepared:
        """Get ready: everything that a user does once."""
        raise NotImplementedError
