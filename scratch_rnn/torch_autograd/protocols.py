"""What layer.py, stack.py and rnn_base.py expect of a cell and of an engine, as types.

A cell file (rnn.py, lstm.py, gru.py …) and a fused cell file are modules; a module satisfies a Protocol by
having its names: there is no base class and no registry.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import Tensor


@runtime_checkable
class State(Protocol):
    """The State of a cell file: a NamedTuple of (N, ·) tensors, h first."""

    def __init__(self, *tensors: Tensor) -> None: ...
    def __iter__(self) -> Iterator[Tensor]: ...
    @property
    def h(self) -> Tensor:
        """(N, P), the output of a step."""


@runtime_checkable
class Params(Protocol):
    """The Params of a cell file: a NamedTuple of tensors; None where a cell has no such weight."""

    def __iter__(self) -> Iterator[Tensor | None]: ...


StateT = TypeVar("StateT", bound=State, covariant=True)
ParamsT = TypeVar("ParamsT", bound=Params, covariant=True)


@runtime_checkable
class Cell(Protocol[StateT, ParamsT]):
    """A cell file."""

    @property
    def State(self) -> type[StateT]: ...
    @property
    def Params(self) -> type[ParamsT]: ...
    @property
    def step(self) -> Callable[..., StateT]:
        """(x (N, I), state, params) -> state_next."""


AnyCell = Cell[Any, Any]
"""One of the cell files. The type of code that works with all cells."""


class FusedCell(Protocol):
    """A file of fused/."""

    @property
    def forward(self) -> Callable[..., tuple[Tensor, State]]:
        """An Engine that also takes the cell's options."""


@runtime_checkable
class Engine(Protocol):
    """One direction of one layer, over all steps: layer.py with a cell file, or a fused cell file."""

    def __call__(
        self, x: Tensor, batch_sizes: Sequence[int], state: Any, params: Any, reverse: bool
    ) -> tuple[Tensor, State]:
        """(rows (R, I), N_t, the cell's State and Params, reverse) -> (rows (R, P), the last State)."""
