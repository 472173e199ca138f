"""Lab 11-0, many-to-one: a word in, letter by letter, one label out.

Words of different lengths are packed into a batch (packed.py): no step is spent on padding, and the head
reads the output at each word's own last step, an <EOS>. With `--level word` the lab reads sentences word by
word. A letter or a word that does not occur in the training lines is read as <UNK>, and so is one that occurs
fewer than --min-count times. With `--dropout p` each token of a training text is read as <UNK> with
probability p, drawn from the seed and the step: all implementations read the same texts.

The result is the accuracy on unseen lines, and for comparison that of always predicting the most frequent
label, and that of a bag of words (inputs/bag_of_words.py). After every epoch the loss and the accuracy on the
unseen lines are measured too: they show when the network begins to memorize. On the default data it does so
early: the spelling of a word says little about its sentiment. (The lexicon lists many words several times,
once per sense. With a split by sense, the same word is in both parts, and the same network classifies four of
five correctly: it remembers them.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy import ndarray

from scratch_rnn.checks import fail
from scratch_rnn.labs.harness.batches import Batches
from scratch_rnn.labs.harness.implementations import DType, Implementation
from scratch_rnn.labs.harness.lab import Batch, Result, Training, TrainingLab
from scratch_rnn.labs.harness.options import option
from scratch_rnn.labs.harness.protocols import Model, Track, Trainer, untracked
from scratch_rnn.labs.inputs.bag_of_words import BagOfWords
from scratch_rnn.labs.inputs.files import data_file, read_lines, read_tsv
from scratch_rnn.labs.inputs.vocabulary import EOS, UNK, Vocabulary
from scratch_rnn.numpy_bptt import ops

EMBEDDING = 32
EPOCHS = 12
"""Passes over the data by default; with more, the network memorizes (figures: scratch_rnn/labs/README.md)."""
AT_ONCE = 1024
"""Lines evaluated at once."""
POINTS = 8
"""Points of the held-out curve in the summary."""


@dataclass(frozen=True)
class Options(Training):
    """The options of many-to-one."""

    cell: str = "gru"
    hidden: int | None = 64
    lr: float = 0.003
    batch_size: int = option(32, "lines in a batch", least=1)
    examples: str | None = option(
        None, "lines of text TAB label; default: positive and negative words", file=True
    )
    test_examples: str | None = option(
        None, "the same, unseen; default: the last tenth of --examples", file=True
    )
    level: str = option("char", "unit of a text", choices=("word", "char"))
    dropout: float = option(
        0.0, "probability that a token of a training text is read as <UNK>, below 1", least=0
    )
    min_count: int = option(1, "tokens that occur less often in the training lines are <UNK>", least=1)
    classify: tuple[str, ...] | None = option(
        None, "a text to classify after training; may be repeated; - reads lines of standard input"
    )


class Texts(NamedTuple):
    """Each text as indices, labels (N,), -1 for one that no training line has, and the unknown tokens."""

    x: list[ndarray]
    y: ndarray
    unknown: int


class ManyToOne(TrainingLab[Options]):
    """A word in, letter by letter, or a sentence, word by word; one label out."""

    name = "many-to-one"
    options = Options
    requests = ("classify",)
    has_picture = True
    loss_unit = "nats per line"

    def __init__(self, settings: Options) -> None:
        super().__init__(settings)
        if settings.dropout >= 1:
            fail(self.name, "--dropout below 1", settings.dropout)
        self.notes = list[str]()
        train, test = self._data()
        self.labels = sorted({label for _, label in train})
        if len(self.labels) < 2:
            fail("--examples", "at least two labels in the training lines", f"one, {self.labels[0]!r}")
        self.vocabulary = Vocabulary(
            [text for text, _ in train], settings.level, (EOS, UNK), settings.min_count
        )
        self.x, self.y, _ = self._encode(train)
        self.test_x, self.test_y, self.unknown = self._encode(test)
        self.asked = read_lines("--classify", settings.classify or ())
        self.batches = Batches(len(self.x), settings.batch_size, settings.seed)
        self.epoch = self.batches.steps
        self.default_steps = EPOCHS * self.epoch
        self.warnings = [*self.notes, *self._doubts()]

    def _data(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """(training lines, unseen lines)."""
        s = self.settings
        lines = self._read("--examples", data_file("--examples", s.examples, "sentiment.tsv"))
        if s.test_examples is not None:
            return lines, self._read("--test-examples", Path(s.test_examples))
        if s.examples is None:
            default = data_file("--test-examples", None, "sentiment_test.tsv")
            return lines, self._read("--test-examples", default)
        if len(lines) < 10:
            fail("--examples", "at least 10 lines, or --test-examples", f"{len(lines)} in {s.examples}")
        cut = len(lines) - len(lines) // 10
        return lines[:cut], lines[cut:]

    def _read(self, option: str, path: Path) -> list[tuple[str, str]]:
        rows, notes = read_tsv(option, path, ("text", "label"))
        self.notes += notes
        return [(row.cells[0], row.cells[1].strip()) for row in rows]

    def _doubts(self) -> list[str]:
        """Warnings of labels that cannot be learned."""
        doubts, strange = [], int((self.test_y < 0).sum())
        if strange:
            doubts.append(f"{strange} of {len(self.test_y)} unseen lines have a label of no training line")
        if 2 * len(self.labels) > len(self.y):
            doubts.append(f"{len(self.labels)} labels in {len(self.y)} training lines: are columns swapped?")
        return [f"{self.name}: {doubt}" for doubt in doubts]

    def _encode(self, lines: Sequence[tuple[str, str]]) -> Texts:
        encoded = [self.vocabulary.encode(text) for text, _ in lines]
        number = {label: n for n, label in enumerate(self.labels)}
        labels = np.array([number.get(label, -1) for _, label in lines], dtype=np.int64)
        texts = [np.array(each.indices, dtype=np.int64) for each in encoded]
        return Texts(texts, labels, sum(each.unknown for each in encoded))

    def model(self, implementation: Implementation, dtype: DType) -> Model:
        """Embedding, GRU(32, 64), and a head at each word's last step."""
        s = self.settings
        return implementation.SequenceModel(
            s.cell,
            EMBEDDING,
            s.hidden,
            s.layers,
            embed=len(self.vocabulary),
            outputs=len(self.labels),
            last=True,
            dtype=dtype,
        )

    def batch(self, step: int) -> Batch:
        """A list of texts, which the model packs, and their labels."""
        rows, s = self.batches.rows(step), self.settings
        texts = [self.x[row] for row in rows]
        if s.dropout:
            draws, unknown = np.random.default_rng([s.seed, step]), self.vocabulary.number(UNK)
            end = self.vocabulary.number(EOS)
            texts = [
                np.where((draws.random(len(text)) < s.dropout) & (text != end), unknown, text)
                for text in texts
            ]
        return texts, self.y[rows]

    def _logits(self, trainer: Trainer, texts: list[ndarray], track: Track = untracked) -> ndarray:
        """(N, K), some texts at a time."""
        starts = track("evaluation", range(0, len(texts), AT_ONCE))
        return np.concatenate([trainer.predict(texts[start : start + AT_ONCE])[0] for start in starts])

    def held_out(self, trainer: Trainer) -> tuple[float, float]:
        """(loss, accuracy) on the unseen lines; the loss is that of lines with a known label."""
        return self._judged(self._logits(trainer, self.test_x))

    def _judged(self, logits: ndarray) -> tuple[float, float]:
        known = self.test_y >= 0
        losses = ops.cross_entropy(logits[known], self.test_y[known])
        loss = float(losses.mean()) if known.any() else 0.0
        return loss, float((logits.argmax(axis=-1) == self.test_y).mean())

    def result(self, trainer: Trainer, track: Track = untracked) -> Result:
        """Accuracy on unseen lines, and that of the most frequent label and of a bag of words."""
        loss, accuracy = self._judged(self._logits(trainer, self.test_x, track))
        majority = np.bincount(self.y).argmax()
        bag = BagOfWords(self.x, self.y, len(self.vocabulary), len(self.vocabulary.specials))
        result: Result = {
            "accuracy": accuracy,
            "majority": float((self.test_y == majority).mean()),
            "bag_of_words": float((bag.predict(self.test_x) == self.test_y).mean()),
            "held_out_loss": loss,
            "labels": self.labels,
            "examples": len(self.test_y),
            "unknown": self.unknown,
        }
        return result | {"classified": self._classified(trainer)} if self.asked else result

    def _classified(self, trainer: Trainer) -> list[dict[str, object]]:
        """The texts of --classify, with their most probable label."""
        encoded = [self.vocabulary.encode(text) for text in self.asked]
        logits = self._logits(trainer, [np.array(each.indices, dtype=np.int64) for each in encoded])
        log_p = ops.log_softmax(logits)
        return [
            {
                "text": text,
                "label": self.labels[int(row.argmax())],
                "probability": float(np.exp(row.max())),
                "unknown": each.unknown,
            }
            for text, row, each in zip(self.asked, log_p, encoded, strict=True)
        ]

    def summary(self, result: Result) -> str:
        """The accuracies, the held-out curve, and the texts of --classify."""
        unknown = f"; {result['unknown']} unknown tokens" if result["unknown"] else ""
        unit = "words" if self.settings.level == "word" else "letters"
        told = [
            f"{result['accuracy']:.2%} of {result['examples']} unseen lines correct "
            f"(bag of {unit}: {result['bag_of_words']:.2%}, "
            f"always the most frequent label: {result['majority']:.2%}){unknown}"
        ]
        curve = result.get("held_out", [])
        if curve:
            shown = sorted({(n + 1) * len(curve) // POINTS - 1 for n in range(POINTS)} - {-1})
            points = ", ".join(f"{curve[n][0]}: {curve[n][1]:.3f} ({curve[n][2]:.1%})" for n in shown)
            told.append(f"unseen loss (and accuracy) after so many steps: {points}")
        told += [
            f"{each['text']} → {each['label']} ({each['probability']:.1%}"
            + (f"; unknown tokens: {each['unknown']})" if each["unknown"] else ")")
            for each in result.get("classified", [])
        ]
        return "\n  ".join(told)

    def picture(self, axes: Axes, results: Mapping[str, Result]) -> None:
        """The accuracy on unseen lines over the epochs, beside the most frequent label and a bag of words."""
        some = next(iter(results.values()))
        curve = some.get("held_out", [])
        epochs = [point[0] / self.epoch for point in curve]
        axes.plot(epochs, [point[2] for point in curve], "C0.-", label="unseen lines")
        unit = "words" if self.settings.level == "word" else "letters"
        for key, label, color in (
            ("bag_of_words", f"bag of {unit}", "C1"),
            ("majority", "most frequent label", "0.4"),
        ):
            axes.axhline(some[key], color=color, linestyle="--", label=f"{label}: {some[key]:.3f}")
        axes.set_title(
            f"many-to-one: {some['examples']} unseen lines, {some['accuracy']:.1%} correct at the end"
        )
        axes.set_xlabel("epoch (passes over the training lines)")
        axes.set_ylabel("accuracy (share of lines)")
        axes.set(xlim=(0, 1.02 * max([1, *epochs])), ylim=(0, 1))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend()
        axes.grid(alpha=0.3)
