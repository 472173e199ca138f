"""What labs and run.py need of a model and a trainer. All three implementations provide it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from numpy import ndarray
from torch import Tensor

from scratch_rnn.seq2seq_common import Decoded

Array = ndarray | Tensor
State = Array | tuple[Array, ...] | None
"""Recurrent state: h of shape (S, N, H), or (h, c) for an LSTM; None is zero."""


T = TypeVar("T")


class Track(Protocol):
    """Draws a progress bar over some parts of the work."""

    def __call__(self, label: str, parts: Sequence[T], /) -> Iterable[T]:
        """The parts, one by one."""
        ...


def untracked(label: str, parts: Sequence[T]) -> Iterable[T]:
    """No progress bar."""
    return parts


class Model(Protocol):
    """Parameters with torch's names. Its losses and predictions are reached through a Trainer."""

    def state_dict(self) -> Mapping[str, Array]:
        """Every parameter by name."""
        ...

    def load_state_dict(self, mapping: Mapping[str, Array], /) -> object:
        """Take every parameter from `mapping`."""
        ...


class Translator(Model, Protocol):
    """A seq2seq model."""

    def greedy(self, source: ndarray, source_lengths: Sequence[int], max_length: int) -> list[Decoded]:
        """One translation per row of `source` (N, T), of at most `max_length` tokens."""
        ...


class Trainer(Protocol):
    """A model with its optimizer and the last recurrent state."""

    @property
    def model(self) -> Model:
        """The model that is trained."""
        ...

    def step(self, *batch: object, reset_state: bool = True) -> float:
        """Train on a batch. Returns the loss before the update."""
        ...

    def predict(self, *inputs: object) -> tuple[ndarray, State]:
        """(prediction, last state)."""
        ...

    def parameters(self) -> int:
        """The number of parameters, counted by element."""
        ...

    def snapshot(self) -> dict[str, ndarray]:
        """Weights, optimizer state and last state."""
        ...

    def restore(self, arrays: Mapping[str, ndarray]) -> None:
        """Continue from a snapshot."""
        ...
