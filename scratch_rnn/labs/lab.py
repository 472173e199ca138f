"""What a lab is: its settings, its data, its model and its result. Not how a cell works, nor who computes.

A lab's settings are a frozen dataclass; its fields are the options that the lab takes on the command
line, and there are no others. Data that a lab draws or shuffles is a function of the seed and the number
of the step: the three implementations see the same batches, and a resumed run sees them too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import message


class UsageError(Exception):
    """A user's mistake: one line, exit status 2."""


@dataclass(frozen=True)
class Settings:
    """What every lab has. `dtype` is "float64" or "float32"."""

    cell: str = "rnn"
    hidden: int | None = None
    layers: int = 1
    seed: int = 0
    dtype: str = "float64"


@dataclass(frozen=True)
class Training(Settings):
    """What every lab has that trains."""

    steps: int | None = None
    epochs: int | None = None
    lr: float = 0.01
    optimizer: str = "adam"
    clip: float | None = None


class Lab:
    """One lab with its data loaded. A subclass fills in what is marked so."""

    name: ClassVar[str]
    options: ClassVar[type[Settings]] = Training
    quick: ClassVar[Mapping[str, Any]] = {}
    """Settings for the main job, where they differ from the defaults."""
    epoch: int = 1
    """Steps in one pass over the data."""
    default_steps: int = 0
    has_picture: ClassVar[bool] = False
    """Whether `picture` draws something beside the loss curves."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @property
    def steps(self) -> int:
        """How many steps to train."""
        steps, epochs = getattr(self.settings, "steps", None), getattr(self.settings, "epochs", None)
        if steps is not None and epochs is not None:
            raise UsageError(message(self.name, "--steps or --epochs", "both"))
        if epochs is not None:
            return int(epochs) * self.epoch
        return self.default_steps if steps is None else int(steps)

    def model(self, implementation: Any, dtype: Any) -> Any:
        """The model, made by an implementation (implementations.py); filled in by the lab."""
        raise UsageError(message(self.name, "a model", "none"))

    def batch(self, step: int) -> tuple[Any, ...]:
        """What the model's loss takes at this step; filled in by the lab."""
        raise UsageError(message(self.name, "a batch", f"none for step {step}"))

    def fresh(self, step: int) -> bool:
        """Whether this step starts from zeros, not from the state in which the last one ended."""
        return True

    def result(self, trainer: Any) -> dict[str, Any]:
        """What comes out after the last update, as JSON keeps it; filled in by the lab."""
        raise UsageError(message(self.name, "a result", "none"))

    def summary(self, result: Mapping[str, Any]) -> str:
        """The result in a few words, for the table; filled in by the lab."""
        raise UsageError(message(self.name, "a summary", f"none of {list(result)}"))

    def picture(self, axes: Any, results: Mapping[str, Mapping[str, Any]]) -> None:
        """Draw the lab's own picture from the results by implementation; only where has_picture."""


class Vocabulary:
    """Characters by number, in the order given."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self.symbols = list(symbols)
        self.index = {symbol: number for number, symbol in enumerate(self.symbols)}

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: Sequence[str]) -> ndarray:
        """Each character's number, int64."""
        return np.array([self.index[symbol] for symbol in text], dtype=np.int64)

    def decode(self, indices: Sequence[int] | ndarray) -> str:
        """Numbers to text."""
        return "".join(self.symbols[int(i)] for i in indices)

    def one_hot(self, indices: ndarray) -> ndarray:
        """(…,) to (…, V), float64."""
        return np.eye(len(self))[indices]
