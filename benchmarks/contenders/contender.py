"""What a contender is, and what it returns to be checked and timed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from numpy import ndarray

from benchmarks.cases import Case

Outcome = Mapping[str, ndarray]
"""output, h_n, c_n; with gradients d_x, d_h_0, d_c_0, d_weight_ih_l0, …; output and d_x as rows (R, ·)."""


class Prepared(NamedTuple):
    """One contender, ready for one case.

    `step` is the call that is timed; `outcome` turns its result into arrays by name. `leaves` are tensors
    whose .grad must be None before a step; `setup` precedes each step untimed (the forward pass, where the
    backward pass alone is timed). `kernel` is the library that computes, `rule` the reason for it.
    """

    step: Callable[[], Any]
    outcome: Callable[[Any], Outcome] = lambda _: {}
    leaves: Sequence[Any] = ()
    setup: Callable[[], Any] | None = None
    kernel: str = ""
    rule: str = ""

    def before(self) -> None:
        """What precedes every step and is not timed."""
        for leaf in self.leaves:
            leaf.grad = None
        if self.setup is not None:
            self.setup()


class Contender:
    """An implementation to be timed. registry.py lists the instances."""

    devices: Sequence[str] = ("cpu",)
    library = "numpy"
    """The library of its matrix products, numpy or torch: decides which floor it is compared with."""
    is_floor = False  # only matrix products: there is no outcome to check
    compiles = False  # its first step takes a minute

    def __init__(self, name: str) -> None:
        self.name = name

    def unsupported_reason(self, case: Case) -> str:
        """Why it cannot run a case; empty if it can."""
        return "" if case.device in self.devices else f"{self.name} does not run on {case.device}"

    def prepare(self, case: Case) -> Prepared:
        """Everything that a user does once."""
        raise NotImplementedError
