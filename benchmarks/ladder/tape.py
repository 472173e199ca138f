"""Autograd in NumPy, as small as the ladder needs it: what a library does that knows operators, not cells.

Every operator writes down how the gradient of its result goes to its arguments; the way back runs what was
written, last first. Nothing is fused and nothing is known in advance: that is the price of generality, and
rung 5 says how high it is. (reverse mode; each adjoint below is the one of scratch_rnn/numpy_bptt/ops.py)

The operators whose names end in _ overwrite their argument: rung 4.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from scratch_rnn.numpy_bptt.ops import sigmoid


class Var:
    """An array, and the gradient that has arrived so far."""

    __slots__ = ("grad", "value")

    def __init__(self, value: ndarray) -> None:
        self.value = value
        self.grad: Any = None

    def receive(self, grad: ndarray) -> None:
        """A value that is read twice gets two shares."""
        self.grad = grad if self.grad is None else self.grad + grad


class Tape:
    """The operators. Without `keep` nothing is written down: inference."""

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        self.adjoints: list[tuple[Var | Sequence[Var], Callable[[], None]]] = []

    def _note(self, y: Any, adjoint: Callable[[], None]) -> Any:
        if self.keep:
            self.adjoints.append((y, adjoint))
        return y

    def backward(self) -> None:
        """Send the gradients of the results to everything that they were made of."""
        for y, adjoint in reversed(self.adjoints):
            if any(each.grad is not None for each in ([y] if isinstance(y, Var) else y)):
                adjoint()

    def linear(self, x: Var, weight: Var, bias: Var) -> Var:
        """Gives x Wᵀ + b."""
        y = Var(x.value @ weight.value.T)
        y.value += bias.value

        def adjoint() -> None:
            x.receive(y.grad @ weight.value)
            weight.receive(y.grad.T @ x.value)
            bias.receive(y.grad.sum(axis=0))

        return self._note(y, adjoint)

    def add(self, a: Var, b: Var) -> Var:
        """Gives a + b."""
        y = Var(a.value + b.value)

        def adjoint() -> None:
            a.receive(y.grad)
            b.receive(y.grad)

        return self._note(y, adjoint)

    def multiply(self, a: Var, b: Var) -> Var:
        """Gives a ⊙ b."""
        y = Var(a.value * b.value)

        def adjoint() -> None:
            a.receive(y.grad * b.value)
            b.receive(y.grad * a.value)

        return self._note(y, adjoint)

    def one_minus(self, a: Var) -> Var:
        """Gives 1 - a."""
        y = Var(1 - a.value)
        return self._note(y, lambda: a.receive(-y.grad))

    def sigmoid(self, a: Var) -> Var:
        """Gives σ(a)."""
        y = Var(sigmoid(a.value))
        return self._note(y, lambda: a.receive(y.grad * y.value * (1 - y.value)))

    def tanh(self, a: Var) -> Var:
        """The hyperbolic tangent of a."""
        y = Var(np.tanh(a.value))
        return self._note(y, lambda: a.receive(y.grad * (1 - y.value**2)))

    def split(self, a: Var, sections: int, axis: int) -> list[Var]:
        """Equal parts, as views."""
        parts = [Var(part) for part in np.split(a.value, sections, axis)]

        def adjoint() -> None:
            grads = [np.zeros_like(p.value) if p.grad is None else p.grad for p in parts]
            a.receive(np.concatenate(grads, axis))

        made: list[Var] = self._note(parts, adjoint)
        return made

    def scale_rows(self, a: Var, factors: ndarray) -> Var:
        """Every row of a matrix (or entry of a vector) times a constant."""
        column = factors.reshape(-1, *[1] * (a.value.ndim - 1))
        y = Var(a.value * column)
        return self._note(y, lambda: a.receive(y.grad * column))

    def add_(self, a: Var, b: Var) -> Var:
        """Adds b into a, and gives back a."""
        a.value += b.value
        return self._note(a, lambda: b.receive(a.grad))

    def activate_(self, a: Var, sigmoids: Sequence[slice]) -> Var:
        """tanh, in place, over all of a at once; in the columns `sigmoids`, where a is already half of what
        σ is wanted of, σ(2a) = (1 + tanh a) / 2.
        """
        np.tanh(a.value, out=a.value)
        for part in sigmoids:
            a.value[:, part] *= 0.5
            a.value[:, part] += 0.5

        def adjoint() -> None:
            slope = 1 - a.value**2
            for part in sigmoids:
                y = a.value[:, part]
                slope[:, part] = 2 * y * (1 - y)
            a.grad = a.grad * slope

        return self._note(a, adjoint)
