"""Lab 11-0, one-to-many: an image of a handwritten digit goes in once, its name comes out letter by letter.

A linear map of the 8×8 image is the first state of a decoder (caption.py of each implementation). In
training, each step reads the correct letter before it. On unseen images the decoder reads its own letters,
until it predicts <EOS> or reaches the length of the longest name. A name is correct if all its letters are.

Korean names are spelled in jamo, the letters of a syllable (하나: ㅎ ㅏ ㄴ ㅏ), so that they are
sequences too.
"""

import unicodedata
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
from scratch_rnn.labs.inputs.files import Row, data_file, read_tsv
from scratch_rnn.labs.inputs.image import read_image
from scratch_rnn.labs.inputs.numbers import finite
from scratch_rnn.labs.inputs.vocabulary import EOS, SOS, Vocabulary

NAMES = {
    "en": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
    "ko": ["영", "하나", "둘", "셋", "넷", "다섯", "여섯", "일곱", "여덟", "아홉"],
}
PIXELS, DARKEST = 64, 16
EMBEDDING = 16
AT_ONCE = 1024
"""Images evaluated at once."""
SHOWN = 24
"""Unseen images in the picture."""


@dataclass(frozen=True)
class Options(Training):
    """The options of one-to-many."""

    cell: str = "gru"
    hidden: int | None = 64
    batch_size: int = option(64, "images in a batch", least=1)
    digits: str | None = option(None, "lines of label TAB 64 pixels; default: the UCI digits", file=True)
    test_digits: str | None = option(None, "the same, unseen; default: the last tenth of --digits", file=True)
    language: str = option("en", "of the names", choices=("en", "ko"))
    image: str | None = option(None, "a digit to name after training, .png; reduced to 8×8", file=True)


class OneToMany(TrainingLab[Options]):
    """An image of a handwritten digit in, its name out, letter by letter."""

    name = "one-to-many"
    options = Options
    requests = ("image",)
    has_picture = True
    loss_unit = "nats per letter"

    def __init__(self, settings: Options) -> None:
        super().__init__(settings)
        names = [unicodedata.normalize("NFD", name) for name in NAMES[settings.language]]
        self.vocabulary = Vocabulary(names, "char", (SOS, EOS))
        self.spelled = [np.array(self.vocabulary.encode(name).indices) for name in names]
        self.max_length = max(map(len, self.spelled))
        self.notes = list[str]()
        self.asked = None if settings.image is None else read_image("--image", Path(settings.image))
        (self.images, self.labels), (self.test_images, self.test_labels) = self._data()
        self.warnings = self.notes
        self.batches = Batches(len(self.images), settings.batch_size, settings.seed)
        self.epoch = self.batches.steps
        self.default_steps = 20 * self.epoch

    def _data(self) -> Sequence[tuple[ndarray, ndarray]]:
        """((training images, labels), (unseen images, labels))."""
        s = self.settings
        digits = self._read("--digits", data_file("--digits", s.digits, "digits.tsv"))
        if s.test_digits is not None:
            return digits, self._read("--test-digits", Path(s.test_digits))
        if s.digits is None:
            return digits, self._read("--test-digits", data_file("--test-digits", None, "digits_test.tsv"))
        count = len(digits[0])
        if count < 10:
            fail("--digits", "at least 10 lines, or --test-digits", f"{count} in {s.digits}")
        cut = count - count // 10
        return [(digits[0][:cut], digits[1][:cut]), (digits[0][cut:], digits[1][cut:])]

    def _read(self, option: str, path: Path) -> tuple[ndarray, ndarray]:
        """(images (N, 64) from 0 white to 1 black, labels (N,))."""
        rows, notes = read_tsv(option, path, ("label", f"{PIXELS} pixels"))
        self.notes += notes
        images, labels = zip(*(_digit(option, row) for row in rows), strict=True)
        return np.array(images) / DARKEST, np.array(labels)

    def model(self, implementation: Implementation, dtype: DType) -> Model:
        """Image to first state, embedding, GRU(16, 64), head."""
        s = self.settings
        return implementation.CaptionModel(
            s.cell, PIXELS, len(self.vocabulary), EMBEDDING, s.hidden, s.layers, dtype=dtype
        )

    def batch(self, step: int) -> Batch:
        """(images, names after <SOS>, names followed by <EOS>)."""
        rows = self.batches.rows(step)
        names = [self.spelled[label] for label in self.labels[rows]]
        start = self.vocabulary.number(SOS)
        return self.images[rows], [np.concatenate([[start], name[:-1]]) for name in names], names

    def result(self, trainer: Trainer, track: Track = untracked) -> Result:
        """The predicted names of the unseen images."""
        names = []
        for start in track("evaluation", range(0, len(self.test_images), AT_ONCE)):
            images = self.test_images[start : start + AT_ONCE]
            predicted, _ = trainer.predict(images, self.vocabulary.number(SOS), self.max_length)
            names += [self._word(row.tolist()) for row in predicted]
        right = [
            name == NAMES[self.settings.language][n] for name, n in zip(names, self.test_labels, strict=True)
        ]
        result: Result = {"exact_match": float(np.mean(right)), "images": len(right), "names": names}
        if self.asked is not None:
            predicted, _ = trainer.predict(self.asked[None], self.vocabulary.number(SOS), self.max_length)
            result["image"] = self._word(predicted[0].tolist())
        return result

    def _word(self, letters: Sequence[int]) -> str:
        """The letters before the first <EOS>, joined to syllables."""
        end = self.vocabulary.number(EOS)
        word = letters[: letters.index(end)] if end in letters else letters
        return unicodedata.normalize("NFC", self.vocabulary.decode(word))

    def summary(self, result: Result) -> str:
        """The share of correct names."""
        named = f"; {self.settings.image} → {result['image']}" if "image" in result else ""
        return f"{result['exact_match']:.2%} of {result['images']} unseen images named correctly{named}"

    def picture(self, axes: Axes, results: Mapping[str, Result]) -> None:
        """Unseen images, labels, and the names predicted by the first implementation; mistakes first."""
        impl, result = next(iter(results.items()))
        names, said, columns = NAMES[self.settings.language], result["names"], 8
        right = [name == names[n] for name, n in zip(said, self.test_labels, strict=True)]
        order = sorted(range(len(said)), key=lambda n: right[n])[:SHOWN]  # ties keep their order
        for place, n in enumerate(order):
            row, column = divmod(place, columns)
            image, top = 1 - self.test_images[n].reshape(8, 8), 1.35 * row
            axes.imshow(image, cmap="gray", vmin=0, vmax=1, extent=(column, column + 0.8, top + 0.8, top))
            true, color = names[self.test_labels[n]], "k" if right[n] else "#b00020"
            axes.text(
                column + 0.4,
                top + 0.93,
                said[n] or "(nothing)",
                ha="center",
                va="center",
                color=color,
                size=8,
            )
            if not right[n]:
                axes.text(column + 0.4, top + 1.12, f"is {true}", ha="center", va="center", size=7)
        lines = -(-len(order) // columns)
        axes.set(xlim=(-0.1, columns - 0.1), ylim=(1.35 * lines, -0.1), aspect="equal")
        wrong = len(right) - sum(right)
        axes.set_title(
            f"one-to-many, {impl}: {wrong} of {len(right)} unseen images named wrongly (red, first)"
        )
        axes.axis("off")


def _digit(option: str, row: Row) -> tuple[list[float], int]:
    label, pixels = row.cells
    if label not in list("0123456789"):
        fail(option, "a label 0 to 9", f"{label!r} in {row.place}")
    numbers = [finite(option, row.place, pixel) for pixel in pixels.split()]
    if len(numbers) != PIXELS or not all(0 <= number <= DARKEST for number in numbers):
        got = f"{len(numbers)} from {min(numbers):g} to {max(numbers):g} in {row.place}"
        fail(option, f"{PIXELS} pixels from 0 to {DARKEST}", got)
    return numbers, int(label)
