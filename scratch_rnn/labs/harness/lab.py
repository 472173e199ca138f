"""A lab: its settings, its data, its model and its result. It knows neither cells nor implementations.

A lab's settings are a frozen dataclass; its fields are exactly the options that the lab takes on the command
line. Data that a lab draws or shuffles is a function of the seed and the step number: all implementations see
the same batches, and so does a resumed run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np
from matplotlib.axes import Axes
from numpy import ndarray

from scratch_rnn.checks import UsageError, message
from scratch_rnn.labs.harness.options import option
from scratch_rnn.labs.harness.protocols import Model, Track, Trainer, untracked
from scratch_rnn.labs.inputs.files import Input

if TYPE_CHECKING:
    from scratch_rnn.labs.harness.implementations import DType, Implementation

MARKS = {"numpy": "o", "torch": "x", "reference": "+"}
"""Points of the implementations coincide in pictures; the marks keep them visible."""

Batch = tuple[object, ...]
"""The arguments of a model's loss."""
Result = dict[str, Any]
"""What --json writes of a run: names and JSON values."""


@dataclass(frozen=True)
class Settings:
    """Options of every lab."""

    cell: str = option("rnn", "the cell of the recurrent layer", choices=("rnn", "lstm", "gru"))
    hidden: int | None = option(None, "units of a layer", least=1)
    layers: int = option(1, "stacked layers", least=1)
    seed: int = option(0, "seed of the first weights and of all random choices", least=0, most=2**64 - 1)
    dtype: str = option("float64", "floating-point type", choices=("float64", "float32"))
    engine: str = option(
        "steps",
        "of numpy and torch: steps runs the cell files step by step, fused the fast path",
        choices=("steps", "fused"),
    )


@dataclass(frozen=True)
class Training(Settings):
    """Options of every lab that trains."""

    steps: int | None = option(None, "number of updates, including those of a loaded run", least=1)
    epochs: int | None = option(None, "passes over the data, instead of --steps", least=1)
    lr: float = option(0.01, "learning rate", above=0)
    optimizer: str = option("adam", "with torch.optim's formulas and defaults", choices=("sgd", "adam"))
    clip: float | None = option(None, "largest norm of the gradients; larger ones are scaled down", above=0)


S = TypeVar("S", bound=Settings, covariant=True)
T = TypeVar("T", bound=Training, covariant=True)


class Lab(ABC, Generic[S]):
    """One lab with its data loaded."""

    name: ClassVar[str]
    options: ClassVar[type[Settings]]
    smoke_settings: ClassVar[Mapping[str, object]] = {}
    """Settings of the main job that differ from the defaults."""
    requests: ClassVar[Sequence[str]] = ()
    """Options that ask for something after training. They do not change what is trained: a checkpoint neither
    stores nor requires them, and a run that continues does what its own command line asks."""
    distributes: ClassVar[bool] = False
    """Whether `batch` gives arrays whose rows several processes can share."""
    has_picture: ClassVar[bool] = False
    """Whether the lab has a `picture` of its own."""
    warnings: Sequence[str] = ()
    """Caveats, printed before the run."""
    inputs: Mapping[str, Input] = {}
    """The files that were read for this lab, by option; set by the code that makes the lab (cli/app.py)."""

    def __init__(self, settings: S) -> None:
        self.settings = settings

    def resolve(self, **chosen: Any) -> None:
        """Fill in settings that the user left open."""
        self.settings = replace(self.settings, **chosen)

    @property
    def steps(self) -> int:
        """Number of training steps."""
        return 0

    @abstractmethod
    def model(self, implementation: Implementation, dtype: DType) -> Model:
        """The model, made by an implementation (implementations.py)."""

    def initial_weights(self, drawn: Mapping[str, ndarray]) -> Mapping[str, ndarray]:
        """The first weights of all implementations, computed from those that torch's initializers drew."""
        return drawn

    @abstractmethod
    def result(self, trainer: Trainer, track: Track = untracked) -> Result:
        """The result after the last update: names and JSON values. `track` shows the progress."""

    @abstractmethod
    def summary(self, result: Result) -> str:
        """The result in one line, below the table."""

    def picture(self, axes: Axes, results: Mapping[str, Result]) -> None:
        """Draw the lab's own picture from the results by implementation; only with has_picture."""


class TrainingLab(Lab[T]):
    """A lab that trains."""

    epoch: int = 1
    """Steps in one pass over the data."""
    default_steps: int
    loss_unit: str = "nats"
    """For the axis of the loss curves."""
    bits: ClassVar[bool] = False
    """Whether the loss curves have a second axis in bits, the unit of the result."""

    def __init__(self, settings: T) -> None:
        super().__init__(settings)
        if None not in (settings.steps, settings.epochs):
            raise UsageError(message(self.name, "--steps or --epochs", "both"))
        largest = float(np.finfo(settings.dtype).max)
        for name, value in (("--lr", settings.lr), ("--clip", settings.clip)):
            if value is not None and value > largest:
                raise UsageError(message(self.name, f"{name} of at most {largest:.3g}", f"{value:g}"))

    @property
    def steps(self) -> int:
        """Number of training steps."""
        s = self.settings
        if s.epochs is not None:
            return s.epochs * self.epoch
        return self.default_steps if s.steps is None else s.steps

    @abstractmethod
    def batch(self, step: int) -> Batch:
        """The arguments of the model's loss at this step."""

    def reset_state(self, step: int) -> bool:
        """Whether this step starts from a zero state; if not, from the last state of the step before."""
        return True

    def observe(self, done: int, trainer: Trainer) -> None:
        """Called after `done` steps, 0 or more: record what `picture` shows of the training."""

    def comparison(self) -> tuple[str, Sequence[float]] | None:
        """The losses of another run to draw into the picture of the loss curves, and their label."""
        return None

    def held_out(self, trainer: Trainer) -> tuple[float, float] | None:
        """(loss, accuracy) on unseen data, measured after every epoch; None where nothing is measured."""
        return None

    def reference_losses(self) -> Mapping[str, float]:
        """Constants to draw into the picture of the loss curves, by label."""
        return {}
