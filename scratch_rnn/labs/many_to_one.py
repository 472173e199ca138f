"""Lab 11-0, many-to-one: a word in, letter by letter, one label out.

Words of different lengths are packed into a batch (packed.py): no step is spent on padding, and the head
reads the output at each word's own last step, an <EOS>. With `--level word` the lab reads sentences word by
word. A letter or a word that does not occur in the training lines is read as <UNK>.

The result is the accuracy on unseen lines, and for comparison that of always predicting the more frequent
label. On the default data the two are close: the spelling of a word says little about its sentiment, and the
network memorizes its training words. (The lexicon lists many words several times, once per sense. With a
split by sense, the same word is in both parts, and the same network classifies four of five correctly: it
remembers them.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy import ndarray

from scratch_rnn.checks import fail
from scratch_rnn.labs.harness.batches import Batches
from scratch_rnn.labs.harness.implementations import DType, Implementation
from scratch_rnn.labs.harness.lab import Batch, Result, Training, TrainingLab
from scratch_rnn.labs.harness.options import option
from scratch_rnn.labs.harness.protocols import Model, Track, Trainer, untracked
from scratch_rnn.labs.inputs.files import data_file, read_tsv
from scratch_rnn.labs.inputs.vocabulary import EOS, UNK, Vocabulary

EMBEDDING = 32
AT_ONCE = 1024
"""Lines evaluated at once."""


@dataclass(frozen=True)
class Options(Training):
    """The options of many-to-one."""

    cell: str = "gru"
    hidden: int | None = 64
    lr: float = 0.003
    batch_size: int = option(32, "lines in a batch", least=1)
    examples: str | None = option(
        None, "lines of text TAB 0 or 1; default: positive and negative words", file=True
    )
    test_examples: str | None = option(
        None, "the same, unseen; default: the last tenth of --examples", file=True
    )
    level: str = option("char", "unit of a text", choices=("word", "char"))


class ManyToOne(TrainingLab[Options]):
    """A word in, letter by letter, or a sentence, word by word; one label out."""

    name = "many-to-one"
    options = Options
    has_picture = True

    def __init__(self, settings: Options) -> None:
        super().__init__(settings)
        train, test = self._data()
        self.vocabulary = Vocabulary([text for text, _ in train], settings.level, (EOS, UNK))
        self.x, self.y, _ = self._encode(train)
        self.test_x, self.test_y, self.unknown = self._encode(test)
        self.batches = Batches(len(self.x), settings.batch_size, settings.seed)
        self.epoch = self.batches.steps
        self.default_steps = 20 * self.epoch
        self.held_out: dict[int, float] = {}

    def _data(self) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
        """(training lines, unseen lines)."""
        s = self.settings
        lines = _read("--examples", data_file("--examples", s.examples, "sentiment.tsv"))
        if s.test_examples is not None:
            return lines, _read("--test-examples", Path(s.test_examples))
        if s.examples is None:
            return lines, _read("--test-examples", data_file("--test-examples", None, "sentiment_test.tsv"))
        if len(lines) < 10:
            fail("--examples", "at least 10 lines, or --test-examples", f"{len(lines)} in {s.examples}")
        cut = len(lines) - len(lines) // 10
        return lines[:cut], lines[cut:]

    def _encode(self, lines: Sequence[tuple[str, int]]) -> tuple[list[ndarray], ndarray, int]:
        """(each text as indices, labels (N,), the number of unknown letters or words)."""
        encoded = [self.vocabulary.encode(text) for text, _ in lines]
        texts = [np.array(each.indices, dtype=np.int64) for each in encoded]
        return texts, np.array([label for _, label in lines]), sum(each.unknown for each in encoded)

    def model(self, implementation: Implementation, dtype: DType) -> Model:
        """Embedding, GRU(32, 64), and a head at each word's last step."""
        s = self.settings
        return implementation.SequenceModel(
            s.cell,
            EMBEDDING,
            s.hidden,
            s.layers,
            embed=len(self.vocabulary),
            outputs=2,
            last=True,
            dtype=dtype,
        )

    def batch(self, step: int) -> Batch:
        """A list of texts, which the model packs, and their labels."""
        rows = self.batches.rows(step)
        return [self.x[row] for row in rows], self.y[rows]

    def result(self, trainer: Trainer, track: Track = untracked) -> Result:
        """Accuracy on unseen lines, and that of the more frequent label."""
        predicted = self._predicted(trainer, track)
        majority = int(2 * self.y.sum() > len(self.y))
        return {
            "accuracy": float((predicted == self.test_y).mean()),
            "majority": float((self.test_y == majority).mean()),
            "examples": len(predicted),
            "unknown": self.unknown,
        }

    def summary(self, result: Result) -> str:
        """Both accuracies."""
        unknown = f"; {result['unknown']} unknown tokens" if result["unknown"] else ""
        return (
            f"{result['accuracy']:.2%} of {result['examples']} unseen lines correct "
            f"(always the more frequent label: {result['majority']:.2%}){unknown}"
        )

    def picture(self, axes: Axes, results: Mapping[str, Result]) -> None:
        """The accuracy on unseen lines over the epochs, beside that of the more frequent label."""
        some = next(iter(results.values()))
        epochs = [done / self.epoch for done in self.held_out]
        axes.plot(epochs, list(self.held_out.values()), "C0.-", label="unseen lines")
        majority = some["majority"]
        axes.axhline(majority, color="0.4", linestyle="--", label=f"more frequent label: {majority:.3f}")
        axes.set_title(
            f"many-to-one: {some['examples']} unseen lines, {some['accuracy']:.1%} correct at the end"
        )
        axes.set_xlabel("epoch (passes over the training lines)")
        axes.set_ylabel("accuracy (share of lines)")
        axes.set_ylim(0, 1)
        axes.legend()
        axes.grid(alpha=0.3)

    def observe(self, done: int, trainer: Trainer) -> None:
        """Record the accuracy on unseen lines after each epoch, and at the ends."""
        if done % self.epoch == 0 or done == self.steps:
            self.held_out[done] = float((self._predicted(trainer) == self.test_y).mean())

    def _predicted(self, trainer: Trainer, track: Track = untracked) -> ndarray:
        """The labels of the unseen lines."""
        starts = track("evaluation", range(0, len(self.test_x), AT_ONCE))
        logits = [trainer.predict(self.test_x[start : start + AT_ONCE])[0] for start in starts]
        return np.concatenate(logits).argmax(axis=-1)


def _read(option: str, path: Path) -> list[tuple[str, int]]:
    rows = read_tsv(option, path, ("text", "0 or 1"))
    for row in rows:
        if row.cells[1] not in ("0", "1"):
            fail(option, "a label 0 or 1", f"{row.cells[1]!r} in {row.place}")
    return [(row.cells[0], int(row.cells[1])) for row in rows]
