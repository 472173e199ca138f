"""What a lab is: its settings, its data, its model and its result. Not how a cell works, nor who computes.

A lab's settings are a frozen dataclass; its fields are the options that the lab takes on the command
line, and there are no others. Data that a lab draws or shuffles is a function of the seed and the number
of the step: the three implementations see the same batches, and a resumed run sees them too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from numpy import ndarray

from scratch_rnn.checks import UsageError, message
from scratch_rnn.labs.harness.options import option

MARKS = {"numpy": "o", "torch": "x", "reference": "+"}
STROKES = {"numpy": "-", "torch": "--", "reference": ":"}
"""In pictures points and curves of the three lie on each other; so they are told apart."""


@dataclass(frozen=True)
class Settings:
    """What every lab has."""

    cell: str = option("rnn", "the cell of the recurrent layer", choices=("rnn", "lstm", "gru"))
    hidden: int | None = option(None, "units of a layer", least=1)
    layers: int = option(1, "layers, one on the other", least=1)
    seed: int = option(0, "of the first weights, and of whatever is shuffled or drawn", least=0)
    dtype: str = option("float64", "what is computed in", choices=("float64", "float32"))


@dataclass(frozen=True)
class Training(Settings):
    """What every lab has that trains."""

    steps: int | None = option(None, "updates, those of a loaded run included", least=1)
    epochs: int | None = option(None, "passes over the data, instead of --steps", least=1)
    lr: float = option(0.01, "learning rate", above=0)
    optimizer: str = option("adam", "torch.optim's formulas and defaults", choices=("sgd", "adam"))
    clip: float | None = option(None, "scale gradients whose norm is larger down to it", above=0)


class Lab:
    """One lab with its data loaded. A subclass fills in what is marked so."""

    name: ClassVar[str]
    options: ClassVar[type[Settings]] = Training
    smoke_settings: ClassVar[Mapping[str, Any]] = {}
    """Settings for the main job, where they differ from the defaults."""
    inference_options: ClassVar[Sequence[str]] = ()
    """Options that say what is done after the training: a run that was loaded may choose anew."""
    distributes: ClassVar[bool] = False
    """Whether `batch` gives arrays whose rows several processes can share."""
    has_picture: ClassVar[bool] = False
    """Whether `picture` draws something beside the loss curves."""
    epoch: int = 1
    """Steps in one pass over the data."""
    default_steps: int = 0
    warnings: Sequence[str] = ()
    """What users should know before they believe the result."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        if isinstance(settings, Training) and None not in (settings.steps, settings.epochs):
            raise UsageError(message(self.name, "--steps or --epochs", "both"))

    def resolve(self, **chosen: Any) -> None:
        """Put values in the place of settings that were left open."""
        self.settings = replace(self.settings, **chosen)

    @property
    def steps(self) -> int:
        """How many steps to train."""
        s = self.settings
        if not isinstance(s, Training):
            return 0
        if s.epochs is not None:
            return s.epochs * self.epoch
        return self.default_steps if s.steps is None else s.steps

    def model(self, implementation: Any, dtype: Any) -> Any:
        """The model, made by an implementation (implementations.py); filled in by the lab."""
        raise UsageError(message(self.name, "a model", "none"))

    def initial_weights(self, drawn: Mapping[str, ndarray]) -> Mapping[str, ndarray]:
        """The weights that every implementation starts from, made of what torch's initialisers drew."""
        return drawn

    def batch(self, step: int) -> tuple[Any, ...]:
        """What the model's loss takes at this step; filled in by the lab."""
        raise UsageError(message(self.name, "a batch", f"none for step {step}"))

    def reset_state(self, step: int) -> bool:
        """Whether this step starts from zeros, not from the state in which the last one ended."""
        return True

    def result(self, trainer: Any) -> dict[str, Any]:
        """What comes out after the last update, as JSON keeps it; filled in by the lab."""
        raise UsageError(message(self.name, "a result", "none"))

    def summary(self, result: Mapping[str, Any]) -> str:
        """The result in a few words, for the table; filled in by the lab."""
        raise UsageError(message(self.name, "a summary", f"none of {list(result)}"))

    def reference_losses(self) -> Mapping[str, float]:
        """Losses worth a line across the picture of the loss curves, by what they are."""
        return {}

    def picture(self, axes: Any, results: Mapping[str, Mapping[str, Any]]) -> None:
        """Draw the lab's own picture from the results by implementation; only where has_picture."""
