"""The types at the seams: what a cell file offers, and what runs one direction of one layer.

A cell file (rnn.py, lstm.py, gru.py …) is a `Cell`; layer.py over its `step`, and a file of fused/, are an
`Engine`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class State(Protocol):
    """The State of a cell file: a NamedTuple of (N, ·) tensors, h first."""

    @property
    def h(self) -> Tensor:
        """(N, P), the output of a step."""

    def __iter__(self) -> Iterator[Tensor]: ...


@runtime_checkable
class Params(Protocol):
    """The Params of a cell file: a NamedTuple of tensors; None where a cell has no such weight."""

    def __iter__(self) -> Iterator[Tensor | None]: ...


CellState = State
CellParams = Params
"""The same two, under names that `Cell` does not define anew."""


class Cell(Protocol):
    """A cell file, as a module."""

    @property
    def Params(self) -> Callable[..., CellParams]:
        """The class of its weights."""

    @property
    def State(self) -> Callable[..., CellState]:
        """The class of its state."""

    @property
    def step(self) -> Callable[..., CellState]:
        """(x (N, I), state, params) -> state_next."""


@runtime_checkable
class Engine(Protocol):
    """One direction of one layer, over all steps."""

    def __call__(
        self, x: Tensor, batch_sizes: Sequence[int], state: Any, params: Any, reverse: bool
    ) -> tuple[Tensor, State]:
        """(rows (R, I), N_t, the cell's State and Params, reverse) -> (rows (R, P), the last State)."""
