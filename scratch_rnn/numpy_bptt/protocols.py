"""What layer.py, stack.py and rnn_base.py expect of a cell and of an engine, as types.

A cell file (rnn.py, lstm.py, gru.py …) and a fused cell file are modules; a module satisfies a Protocol by
having its names: there is no base class and no registry. The type variables say what belongs together: the
cache that `step_backward` reads is the one that `step` of the same cell returned, and so is an engine's tape.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, Self, TypeVar, runtime_checkable

from numpy import ndarray


@runtime_checkable
class Arrays(Protocol):
    """A NamedTuple of arrays, such as the Params of a cell file. None is a parameter that the cell lacks."""

    def __init__(self, *arrays: ndarray | None) -> None: ...
    def __iter__(self) -> Iterator[ndarray | None]: ...
    def _asdict(self) -> dict[str, ndarray | None]: ...


@runtime_checkable
class State(Protocol):
    """The State of a cell file: a NamedTuple of (N, ·) arrays, h first."""

    def __init__(self, *arrays: ndarray) -> None: ...
    def __iter__(self) -> Iterator[ndarray]: ...
    @property
    def h(self) -> ndarray: ...
    def _replace(self, *, h: ndarray) -> Self: ...


StateT = TypeVar("StateT", bound=State)
ParamsT = TypeVar("ParamsT", bound=Arrays)
CacheT = TypeVar("CacheT")
TapeT = TypeVar("TapeT")

Step = Callable[[ndarray, StateT, ParamsT], tuple[StateT, CacheT]]
"""One time step: (x, state, params) -> (state', cache)."""
StepBackward = Callable[[StateT, CacheT, ParamsT], tuple[ndarray, StateT, ParamsT]]
"""Its adjoint: (d_state', cache, params) -> (d_x, d_state, d_params)."""


@runtime_checkable
class Cell(Protocol[StateT, ParamsT, CacheT]):
    """A cell file."""

    @property
    def State(self) -> type[StateT]: ...
    @property
    def Params(self) -> type[ParamsT]: ...
    @property
    def step(self) -> Step[StateT, ParamsT, CacheT]: ...
    @property
    def step_backward(self) -> StepBackward[StateT, CacheT, ParamsT]: ...


@runtime_checkable
class Engine(Protocol[StateT, ParamsT, TapeT]):
    """How one direction of one layer is run over all steps: layer.py with a cell file, or a fused cell file.

    forward:  (x, batch_sizes, state, params, reverse, keep) -> (y, each sequence's last state, tape)
    backward: (d_y, d_state_n, tape) -> (d_x, the gradient of the first state, d_params)
    """

    @property
    def forward(
        self,
    ) -> Callable[[ndarray, Sequence[int], StateT, ParamsT, bool, bool], tuple[ndarray, StateT, TapeT]]: ...
    @property
    def backward(self) -> Callable[[ndarray, StateT, TapeT], tuple[ndarray, StateT, ParamsT]]: ...
