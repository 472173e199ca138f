"""Lab 11-2, charseq: read a text and predict the next character at every position.

One sequence of one-hot characters. As in the course, the RNN has one unit per character, and its states are
the logits. This limits the loss: a state lies in (-1, 1), so over V classes the cross-entropy cannot fall
below ln(1 + (V-1) e⁻²), however long it trains. `--head` adds a linear layer, which removes the limit.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from scratch_rnn.checks import UsageError, message
from scratch_rnn.labs.harness.implementations import DType, Implementation
from scratch_rnn.labs.harness.lab import Batch, Result, Settings, Training, TrainingLab
from scratch_rnn.labs.harness.options import option
from scratch_rnn.labs.harness.protocols import Model, Track, Trainer, untracked
from scratch_rnn.labs.inputs.vocabulary import Alphabet


@dataclass(frozen=True)
class NextCharacter(Training):
    """The options of hihello."""

    lr: float = 0.1
    head: bool = option(False, "a linear layer on the states; without it the states are the logits")


@dataclass(frozen=True)
class WithText(NextCharacter):
    """The options of charseq."""

    text: str = option(" if you want you", "training text")


class CharSeq(TrainingLab[NextCharacter]):
    """Read a text and predict the next character at every position."""

    name = "charseq"
    options: ClassVar[type[Settings]] = WithText
    default_steps = 100

    def __init__(self, settings: NextCharacter) -> None:
        super().__init__(settings)
        text = self.text
        if len(text) < 2:
            raise UsageError(message(self.name, "--text of at least 2 characters", len(text)))
        self.alphabet = Alphabet(self.symbols)
        classes = len(self.alphabet)
        self.resolve(hidden=settings.hidden or classes)
        if not settings.head and self.settings.hidden != classes:
            expected = f"--hidden {classes}, one unit per character (or --head)"
            raise UsageError(message(self.name, expected, settings.hidden))
        numbers = self.alphabet.encode(text)[None]  # (N, T), one sequence
        self.x, self.y = self.alphabet.one_hot(numbers[:, :-1]), numbers[:, 1:]

    @property
    def text(self) -> str:
        """All characters but the last are x, all but the first are y."""
        assert isinstance(self.settings, WithText)
        return self.settings.text

    @property
    def symbols(self) -> str:
        """The characters, sorted: the order of a set depends on the hash seed of the run."""
        return "".join(sorted(set(self.text)))

    def model(self, implementation: Implementation, dtype: DType) -> Model:
        """RNN(V, V), or RNN(V, hidden) and a head."""
        s, classes = self.settings, len(self.alphabet)
        outputs = classes if s.head else None
        return implementation.SequenceModel(s.cell, classes, s.hidden, s.layers, outputs=outputs, dtype=dtype)

    def batch(self, step: int) -> Batch:
        """The whole text at every step."""
        return self.x, self.y

    def result(self, trainer: Trainer, track: Track = untracked) -> Result:
        """The prediction after the last update."""
        logits, _ = trainer.predict(self.x)
        predicted = logits.argmax(axis=-1)
        return {
            "prediction": self.alphabet.decode(predicted[0]),
            "accuracy": float((predicted == self.y).mean()),
            "loss_floor": self.floor,
        }

    @property
    def floor(self) -> float | None:
        """The loss at the best logits in (-1, 1): 1 for the correct class, -1 for all others."""
        return None if self.settings.head else math.log1p((len(self.alphabet) - 1) / math.e**2)

    def reference_losses(self) -> Mapping[str, float]:
        """The floor, without a head."""
        return {} if self.floor is None else {"cannot go below, without a head": self.floor}

    def summary(self, result: Result) -> str:
        """The predicted text, and its accuracy."""
        floor = result["loss_floor"]
        bound = "" if floor is None else f", loss cannot go below {floor:.6f}"
        return f"{result['prediction']!r}, {result['accuracy']:.0%} correct{bound}"
