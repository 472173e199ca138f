"""Lab 11-2, charseq: read a text and predict the next character at every position.

One sequence of one-hot characters. As in the course, the RNN has one unit per character, and its states are
the logits. This limits the loss: a state lies in (-1, 1), so over V classes the cross-entropy cannot fall
below ln(1 + (V-1) e⁻²), however long it trains. `--head` adds a linear layer, which removes the limit.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from scratch_rnn.checks import UsageError, message
from scratch_rnn.labs.harness.implementations import DType, Implementation, first_weights, load
from scratch_rnn.labs.harness.implementations import trainer as trainer_of
from scratch_rnn.labs.harness.lab import Batch, Result, Settings, Training, TrainingLab
from scratch_rnn.labs.harness.options import option
from scratch_rnn.labs.harness.protocols import Model, Track, Trainer, untracked
from scratch_rnn.labs.inputs.files import composed
from scratch_rnn.labs.inputs.vocabulary import Alphabet

SHOWN_STEPS = (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 200, 500, 1000)
"""Steps whose predictions are in the picture; the last step is too."""
SHOWN_CHARACTERS = 40


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
    has_picture = True
    loss_unit = "nats per character"
    text: str
    """All characters but the last are x, all but the first are y."""

    def __init__(self, settings: NextCharacter) -> None:
        super().__init__(settings)
        if isinstance(settings, WithText):
            self.text, self.warnings = composed("--text", settings.text)
        if len(self.text) < 2:
            raise UsageError(message(self.name, "--text of at least 2 characters", len(self.text)))
        self.alphabet = Alphabet(self.symbols)
        classes = len(self.alphabet)
        self.resolve(hidden=settings.hidden or classes)
        if not settings.head and self.settings.hidden != classes:
            expected = f"--hidden {classes}, one unit per character (or --head)"
            raise UsageError(message(self.name, expected, settings.hidden))
        numbers = self.alphabet.encode(self.text)[None]  # (N, T), one sequence
        self.predicted: dict[int, str] = {}
        self.x, self.y = self.alphabet.one_hot(numbers[:, :-1]), numbers[:, 1:]

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

    def observe(self, done: int, trainer: Trainer) -> None:
        """Record the predicted text at about a dozen steps."""
        if done == self.steps or done in SHOWN_STEPS:
            self.predicted[done] = self.alphabet.decode(trainer.predict(self.x)[0].argmax(axis=-1)[0])

    def comparison(self) -> tuple[str, Sequence[float]] | None:
        """Without a head: the first steps of the same run with one."""
        if self.settings.head:
            return None
        lab = type(self)(
            replace(self.settings, head=True, steps=min(self.steps, SHOWN_STEPS[-1]), epochs=None)
        )
        work = trainer_of(lab, load("numpy"), first_weights(lab))
        return "with --head", [work.step(*lab.batch(step), reset_state=True) for step in range(lab.steps)]

    def picture(self, axes: Axes, results: Mapping[str, Result]) -> None:
        """The predicted text over the steps, and below it the text to predict."""
        wanted = self.text[1 : SHOWN_CHARACTERS + 1]
        rows = [(str(done), text[: len(wanted)]) for done, text in sorted(self.predicted.items())]
        for row, (_, text) in enumerate([*rows, ("", wanted)]):
            for column, (letter, right) in enumerate(zip(text, wanted, strict=True)):
                face = "0.88" if row == len(rows) else "#cfe8cf" if letter == right else "#f6c9c4"
                axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=face, edgecolor="w"))
                shown = "␣" if letter == " " else letter if letter.isprintable() else "↵"
                size = min(11, 340 / len(wanted))
                axes.text(column, row, shown, ha="center", va="center", fontsize=size, parse_math=False)
        axes.set(xlim=(-0.5, len(wanted) - 0.5), ylim=(len(rows) + 0.5, -0.5))
        axes.set_yticks(range(len(rows) + 1), [*(label for label, _ in rows), "target"])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("position t (characters)")
        axes.set_ylabel("after so many updates")
        cut = (
            f", first {len(wanted)} of {len(self.text) - 1} characters"
            if len(wanted) < len(self.text) - 1
            else ""
        )
        first = min(self.predicted, default=0)
        loaded = f"\na loaded run: shown from update {first} on" if first else ""
        axes.set_title(f"{self.name}: predicted next characters (red: wrong){cut}{loaded}")

    def summary(self, result: Result) -> str:
        """The predicted text, and its accuracy."""
        floor = result["loss_floor"]
        bound = "" if floor is None else f", loss cannot go below {floor:.6f}"
        return f"{result['prediction']!r}, {result['accuracy']:.0%} correct{bound}"
