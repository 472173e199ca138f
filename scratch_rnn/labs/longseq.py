"""Lab 11-3, longseq: a long text in windows, each a row of the batch, through two layers and a head.

Windows start at every character of the text. At each of its characters the model predicts the next one. The
model sees only the window, so it cannot be perfect: several characters may follow the same first characters
of a window, and the best prediction is the most frequent one. `best_possible` computes the bounds:

    (1)  loss ≥ Σ_p n(p) H(next | p) / n          p: first characters of a window, n(p): their count
    (2)  accuracy ≤ Σ_p max_c n(p, c) / n

The stitched text is the prediction for the first window, followed by the last predicted character of every
other window.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from numpy import ndarray

from scratch_rnn.checks import UsageError, message
from scratch_rnn.labs.harness.batches import Batches
from scratch_rnn.labs.harness.implementations import DType, Implementation
from scratch_rnn.labs.harness.lab import MARKS, Batch, Result, Training, TrainingLab
from scratch_rnn.labs.harness.options import option
from scratch_rnn.labs.harness.protocols import Model, Track, Trainer, untracked
from scratch_rnn.labs.inputs.files import composed, read_text
from scratch_rnn.labs.inputs.vocabulary import Alphabet
from scratch_rnn.numpy_bptt import ops

SENTENCE = (
    "if you want to build a ship, don't drum up people together to "
    "collect wood and don't assign them tasks and work, but rather "
    "teach them to long for the endless immensity of the sea."
)
WIDEST = 128
"""Largest default of --hidden: a Korean text has hundreds of different characters."""
AT_ONCE = 1000
"""Largest default batch, and the number of windows evaluated at once."""


@dataclass(frozen=True)
class Options(Training):
    """The options of longseq."""

    hidden: int | None = option(None, f"units of a layer [one per character, at most {WIDEST}]", least=1)
    layers: int = 2
    text: str | None = option(None, "training text; default: the course's sentence")
    file: str | None = option(None, "file of the training text", file=True)
    window: int = option(10, "characters in a window", least=1)
    batch_size: int | None = option(None, f"windows in a batch; default: all, at most {AT_ONCE}", least=1)


class Best(NamedTuple):
    """Bounds for any predictor that sees a window from its first character on."""

    loss: float
    accuracy: float
    accuracy_at: list[float]
    """The bound at each position of a window."""


class LongSeq(TrainingLab[Options]):
    """A long text in windows, through two layers and a head."""

    name = "longseq"
    options = Options
    default_steps = 300
    has_picture = True
    loss_unit = "nats per character"

    def __init__(self, settings: Options) -> None:
        super().__init__(settings)
        (text, notes), width = self._text(), settings.window + 1
        if len(text) < width:
            raise UsageError(message(self.name, f"a text of at least {width} characters", len(text)))
        self.alphabet = Alphabet(sorted(set(text)))
        self.resolve(hidden=settings.hidden or min(len(self.alphabet), WIDEST))
        if settings.hidden is None and len(self.alphabet) > WIDEST:
            notes.append(
                f"longseq: the text has {len(self.alphabet)} different characters; "
                f"--hidden is {WIDEST}, the largest default"
            )
        self.warnings = notes
        numbers = self.alphabet.encode(text)
        self.windows = np.lib.stride_tricks.sliding_window_view(numbers, width)
        self.batches = Batches(
            len(self.windows), settings.batch_size or min(len(self.windows), AT_ONCE), settings.seed
        )
        self.epoch = self.batches.steps
        self.best: Best | None = None

    def _text(self) -> tuple[str, list[str]]:
        """(the training text, notes for the user)."""
        s = self.settings
        if s.text is not None and s.file is not None:
            raise UsageError(message(self.name, "--text or --file", "both"))
        if s.file is not None:
            return composed(s.file, read_text("--file", Path(s.file)))
        return composed("--text", SENTENCE if s.text is None else s.text)

    def model(self, implementation: Implementation, dtype: DType) -> Model:
        """RNN(V, V, 2) and a head."""
        s, classes = self.settings, len(self.alphabet)
        return implementation.SequenceModel(s.cell, classes, s.hidden, s.layers, outputs=classes, dtype=dtype)

    def batch(self, step: int) -> Batch:
        """Some windows, or all."""
        windows = self.windows[self.batches.rows(step)]
        return self.alphabet.one_hot(windows[:, :-1]), windows[:, 1:]

    def result(self, trainer: Trainer, track: Track = untracked) -> Result:
        """Prediction, accuracy and loss after the last update, and their bounds."""
        best = self._bounds(track)
        right, cost, last = np.zeros(self.settings.window, dtype=np.int64), 0.0, []
        first: list[int] = []
        for n in track("evaluation", range(0, len(self.windows), AT_ONCE)):
            windows = self.windows[n : n + AT_ONCE]
            predicted, costs = self._read(trainer, windows)
            right += (predicted == windows[:, 1:]).sum(axis=0)
            cost += float(costs.sum())
            first = first or predicted[0, :-1].tolist()
            last.append(predicted[:, -1])
        stitched = np.concatenate([first, *last]).astype(np.int64)
        target = np.concatenate([self.windows[0, 1:-1], self.windows[:, -1]])
        count = len(self.windows)
        return {
            "prediction": self.alphabet.decode(stitched),
            "accuracy": float(right.sum() / (count * self.settings.window)),
            "best_accuracy": best.accuracy,
            "loss": cost / (count * self.settings.window),
            "best_loss": best.loss,
            "wrong_from_second": int((stitched != target)[1:].sum()),
            "accuracy_at": (right / count).tolist(),
        }

    def _bounds(self, track: Track = untracked) -> Best:
        """Computed once: they depend on the text only."""
        if self.best is None:
            self.best = best_possible(self.windows, track)
        return self.best

    def _read(self, trainer: Trainer, windows: ndarray) -> tuple[ndarray, ndarray]:
        """(the most likely next characters (N, T), their losses (N, T) in nats)."""
        logits, _ = trainer.predict(self.alphabet.one_hot(windows[:, :-1]))
        target = np.ascontiguousarray(windows[:, 1:])
        costs = ops.cross_entropy(logits.reshape(-1, logits.shape[-1]), target.reshape(-1))
        return logits.argmax(axis=-1), costs.reshape(target.shape)

    def reference_losses(self) -> Mapping[str, float]:
        """The floor of (1)."""
        return {"best possible": self._bounds().loss}

    def summary(self, result: Result) -> str:
        """Loss and accuracy with their bounds, and the stitched text."""
        wrong, predicted = result["wrong_from_second"], result["prediction"]
        verdict = (
            "correct from its 2nd character on" if wrong == 0 else f"{wrong} wrong from its 2nd character on"
        )
        return (
            f"loss {result['loss']:.6f} (best possible {result['best_loss']:.6f}), "
            f"accuracy {result['accuracy']:.6f} (best possible {result['best_accuracy']:.6f}); "
            f"stitched text {verdict}: {predicted if len(predicted) <= 200 else predicted[:200] + ' …'!r}"
        )

    def picture(self, axes: Axes, results: Mapping[str, Result]) -> None:
        """Accuracy at each position of a window."""
        positions = range(1, self.settings.window + 1)
        axes.plot(positions, self._bounds().accuracy_at, "k_", markersize=24, label="best possible")
        for impl, result in results.items():
            axes.plot(positions, result["accuracy_at"], MARKS[impl], markersize=9, label=impl)
        axes.set_title("longseq: accuracy by position in the window")
        axes.set_xlabel("characters of the window read so far")
        axes.set_ylabel("share of correct next characters")
        axes.set_xticks(list(positions)[:: max(1, len(positions) // 10)])
        axes.legend()
        axes.grid(alpha=0.3)


def best_possible(windows: ndarray, track: Track = untracked) -> Best:
    """Equations (1) and (2) for windows (N, T + 1) of characters by number.

    `group` numbers the windows by their first t characters. A window that shares them with no other
    is predicted without error from there on, so it is dropped. The time is at most T sorts of N numbers.

    >>> best_possible(np.array([[0, 1, 2], [0, 2, 2], [1, 1, 1], [2, 2, 2]]))[1:]
    (0.875, [0.75, 1.0])
    """
    count, steps = len(windows), windows.shape[1] - 1
    classes = int(windows.max()) + 1
    rows, group = np.arange(count), windows[:, 0].astype(np.int64)
    hits, nats = [], 0.0
    for t in track("bounds", range(1, steps + 1)):
        shared = np.bincount(group)[group] > 1
        rows, group = rows[shared], np.unique(group[shared], return_inverse=True)[1]
        keys, following, n = np.unique(
            group * classes + windows[rows, t], return_inverse=True, return_counts=True
        )
        prefix = keys // classes
        nats -= float((n * np.log(n / np.bincount(group)[prefix])).sum())  # (1)
        most = np.zeros(len(np.bincount(group)), dtype=np.int64)
        np.maximum.at(most, prefix, n)
        hits.append(count - len(rows) + int(most.sum()))  # (2)
        group = following
    return Best(nats / (count * steps), sum(hits) / (count * steps), [h / count for h in hits])
