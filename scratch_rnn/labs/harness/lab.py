"""A lab: its settings, its data, its model and its result. It knows neither cells nor implementations.

A lab's settings are a frozen dataclass; its fields are exactly the options that the lab takes on the command
line. Data that a lab draws or shuffles is a function of the seed and the step number: all implementations see
the same batches, and so does a resumed run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from scratch_rnn.checks import UsageError, message
from scratch_rnn.labs.harness.options import option

MARKS = {"numpy": "o", "torch": "x", "reference": "+"}
STROKES = {"numpy": "-", "torch": "--", "reference": ":"}
"""Points and curves of the implementations coincide in pictures; the styles keep them visible."""


@dataclass(frozen=True)
class Settings:
    """Options of every lab."""

    cell: str = option("rnn", "the cell of the recurrent layer", choices=("rnn", "lstm", "gru"))
    hidden: int | None = option(None, "units of a layer", least=1)
    layers: int = option(1, "stacked layers", least=1)
    seed: int = option(0, "seed of the first weights and of all random choices", least=0, most=2**64 - 1)
    dtype: str = option("float64", "floating-point type", choices=("float64", "float32"))


@dataclass(frozen=True)
class Training(Settings):
    """Options of every lab that trains."""

    steps: int | None = option(None, "number of updates, including those of a loaded run", least=1)
    epochs: int | None = option(None, "passes over the data, instead of --steps", least=1)
    lr: float = option(0.01, "learning rate", above=0)
    optimizer: str = option("adam", "with torch.optim's formulas and defaults", choices=("sgd", "adam"))
    clip: float | None = option(
        None, "largest norm of the gradients; larger ones are scaled down to it", above=0
    )


class Lab:
    """One lab with its data loaded. A subclass fills in what is marked so."""

    name: ClassVar[str]
    options: ClassVar[type[Settings]] = Training
    smoke_settings: ClassVar[Mapping[str, Any]] = {}
    """Settings of the main job that differ from the defaults."""
    inference_options: ClassVar[Sequence[str]] = ()
    """Options that say what is done after the training: a run that was loaded may choose anew."""
    distributes: ClassVar[bool] = False
    """Whether `batch` gives arrays whose rows several processes can share."""
    has_picture: ClassVar[bool] = False
    """Whether the lab has a `picture` of its own."""
    epoch: int = 1
    """Steps in one pass over the data."""
    default_steps: int = 0
    warnings: Sequence[str] = ()
    """Caveats, printed before the run."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        if isinstance(settings, Training) and None not in (settings.steps, settings.epochs):
            raise UsageError(message(self.name, "--steps or --epochs", "both"))

    def resolve(self, **chosen: Any) -> None:
        """Fill in settings that the user left open."""
        self.settings = replace(self.settings, **chosen)

    @property
    def steps(self) -> int:
        """Number of training steps."""
        s = self.settings
        if not isinstance(s, Training):
            return 0
        if s.epochs is not None:
            return s.epochs * self.epoch
        return self.default_steps if s.steps is None else s.steps

    def model(self, implementation: Any, dtype: Any) -> Any:
        """The model, made by an implementation (implementations.py); filled in by the lab."""
        raise UsageError(message(self.name, "a model", "none"))

    def batch(self, step: int) -> tuple[Any, ...]:
        """What the model's loss takes at this step; filled in by the lab."""
        raise UsageError(message(self.name, "a batch", f"none for step {step}"))

    def reset_state(self, step: int) -> bool:
        """Whether this step starts from a zero state; if not, from the last state of the step before."""
        return True

    def result(self, trainer: Any) -> dict[str, Any]:
        """What comes out after the last update, as JSON keeps it; filled in by the lab."""
        raise UsageError(message(self.name, "a result", "none"))

    def summary(self, result: Mapping[str, Any]) -> str:
        """The result in a few words, for the table; filled in by the lab."""
        raise UsageError(message(self.name, "a summary", f"none of {list(result)}"))

    def reference_losses(self) -> Mapping[str, float]:
        """Constants to draw into the picture of the loss curves, by label."""
        return {}

    def picture(self, axes: Any, results: Mapping[str, Mapping[str, Any]]) -> None:
        """Draw the lab's own picture from the results by implementation; only where has_picture."""
