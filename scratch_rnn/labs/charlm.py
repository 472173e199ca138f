"""Lab charlm: a character language model, trained on a long text with truncated BPTT.

The text is cut into as many streams as the batch has rows. Each row reads its own stream from left to right,
one window per step. A step starts from the last state of the step before, but no gradient flows back across
the cut. Every epoch starts at the beginning of the streams, with a zero state.

The result is bits per character on unseen text, read as one stream, and for comparison those of a bigram
model, counted on the same training text:

    (1)  bits = -mean log₂ p(c_t | all characters before)
    (2)  bigram: p(b | a) = (n(a b) + 1) / (n(a) + V)         add-one smoothing: no probability is 0

The last of the V classes is any character that does not occur in the training text.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from matplotlib.axes import Axes
from numpy import ndarray

from scratch_rnn.checks import Failure, UsageError, message
from scratch_rnn.labs.harness.implementations import DType, Implementation
from scratch_rnn.labs.harness.lab import Batch, Result, Training, TrainingLab
from scratch_rnn.labs.harness.options import flag, option
from scratch_rnn.labs.harness.protocols import Model, Track, Trainer, untracked
from scratch_rnn.labs.inputs.files import composed, data_file, read_text
from scratch_rnn.labs.inputs.vocabulary import Alphabet
from scratch_rnn.numpy_bptt import ops

EMBEDDING = 32
PIECE = 1000
"""Characters of unseen text per call of the model. The state is carried over: the result is the same."""


@dataclass(frozen=True)
class Options(Training):
    """The options of charlm."""

    cell: str = "lstm"
    hidden: int | None = 128
    lr: float = 0.003
    clip: float | None = 1.0
    batch_size: int = option(16, "rows; each reads its own stream", least=1)
    file: str | None = option(None, "training text; default: a part of Python's help", file=True)
    test_file: str | None = option(None, "unseen text; default: the last tenth of the text", file=True)
    window: int = option(50, "characters per step", least=1)
    sample: int | None = option(None, "characters to generate after training", least=1)
    temperature: float | None = option(
        None, "of the sample; below 1 likely characters become more likely [1]", above=0
    )
    prompt: str | None = option(None, "start of the sample; default: the text's first character")


class CharLM(TrainingLab[Options]):
    """A character language model, trained on a long text with truncated BPTT."""

    name = "charlm"
    options = Options
    smoke_settings: ClassVar[Mapping[str, object]] = {"steps": 200}
    requests = ("sample", "temperature", "prompt")
    distributes = True
    has_picture = True
    loss_unit = "nats per character"
    bits = True
    default_steps = 1000

    def __init__(self, settings: Options) -> None:
        super().__init__(settings)
        train, test = self._texts()
        rows, needed = settings.batch_size, settings.batch_size * settings.window + 1
        if len(train) < needed:
            expected = f"a text of at least --batch-size × --window + 1 = {needed} characters to train on"
            raise UsageError(message(self.name, expected, len(train)))
        if len(test) < 2:
            raise UsageError(message(self.name, "an unseen text of at least 2 characters", len(test)))
        self.alphabet = Alphabet(sorted(set(train)))
        self.unknown, self.classes = len(self.alphabet), len(self.alphabet) + 1
        self.train, self.test = self._encode(train), self._encode(test)
        length = (len(train) - 1) // rows
        self.x = self.train[: rows * length].reshape(rows, length)
        self.y = self.train[1 : rows * length + 1].reshape(rows, length)
        self.epoch = -(-length // settings.window)
        self.prompt, notes = composed("--prompt", train[0] if settings.prompt is None else settings.prompt)
        self.warnings = [*self.warnings, *notes]
        self._check_sample()

    def _texts(self) -> tuple[str, str]:
        """(training text, unseen text)."""
        s = self.settings
        path = data_file("--file", s.file, "topics.txt")
        text, notes = composed(path, read_text("--file", path))
        self.warnings = notes
        if s.test_file is not None:
            test, more = composed(Path(s.test_file), read_text("--test-file", Path(s.test_file)))
            self.warnings = [*notes, *more]
            return text, test
        cut = len(text) - len(text) // 10
        return text[:cut], text[cut:]

    def _encode(self, text: str) -> ndarray:
        index = self.alphabet.index
        return np.array([index.get(character, self.unknown) for character in text], dtype=np.int64)

    def _check_sample(self) -> None:
        """UsageError for a prompt that the model cannot read, and for sample options without --sample."""
        s = self.settings
        for name in ("prompt", "temperature"):
            if s.sample is None and getattr(s, name) is not None:
                raise UsageError(message(self.name, f"--sample with {flag(name)}", "none"))
        unknown = "".join(sorted(set(self.prompt) - set(self.alphabet.symbols)))
        if unknown or not self.prompt:
            got = f"{unknown!r}, which does not occur in it" if unknown else "an empty one"
            raise UsageError(message(self.name, "a --prompt of characters of the training text", got))

    def model(self, implementation: Implementation, dtype: DType) -> Model:
        """Embedding, LSTM(32, 128), head."""
        s, classes = self.settings, self.classes
        return implementation.SequenceModel(
            s.cell, EMBEDDING, s.hidden, s.layers, embed=classes, outputs=classes, dtype=dtype
        )

    def batch(self, step: int) -> Batch:
        """The next window of every stream."""
        start = step % self.epoch * self.settings.window
        piece = slice(start, start + self.settings.window)
        return self.x[:, piece], self.y[:, piece]

    def reset_state(self, step: int) -> bool:
        """True at the beginning of the streams."""
        return step % self.epoch == 0

    def result(self, trainer: Trainer, track: Track = untracked) -> Result:
        """Bits per character on the unseen text, and a sample with --sample."""
        state, costs = None, []
        x, y = self.test[None, :-1], self.test[1:]
        for start in track("evaluation", range(0, len(y), PIECE)):
            logits, state = trainer.predict(x[:, start : start + PIECE], state)
            costs.append(ops.cross_entropy(logits[0], y[start : start + PIECE]))
        result = {
            "bits_per_char": float(np.concatenate(costs).mean()) / math.log(2),  # (1)
            "bigram_bits_per_char": bigram_bits(self.train, self.test, self.classes),
            "test_characters": len(y),
            "unknown_characters": int((y == self.unknown).sum()),
        }
        if self.settings.sample is None or not math.isfinite(result["bits_per_char"]):
            return result
        return result | {"sample": self._sample(trainer, self.settings.sample)}

    def _sample(self, trainer: Trainer, count: int) -> str:
        """The prompt, followed by characters drawn one by one from the model's distribution."""
        s, written = self.settings, list(self._encode(self.prompt))
        temperature = 1.0 if s.temperature is None else s.temperature
        rng = np.random.default_rng([s.seed, count])
        logits, state = trainer.predict(np.array([written]), None)
        for _ in range(count):
            scores = logits[0, -1, : self.unknown].astype(np.float64)
            if not np.isfinite(scores).all():
                raise Failure(f"{self.name}: the logits of a sample are not finite; try a smaller --lr")
            with np.errstate(over="ignore"):  # a tiny temperature makes -inf, probability 0
                p = np.exp((scores - scores.max()) / temperature)
            written.append(int(rng.choice(self.unknown, p=p / p.sum())))
            logits, state = trainer.predict(np.array([written[-1:]]), state)
        return self.alphabet.decode(written)

    def summary(self, result: Result) -> str:
        """Bits per character, those of the bigram model, and the sample."""
        missing, count = result["unknown_characters"], result["test_characters"]
        unknown = f", {missing} of them not in the training text" if missing else ""
        sample = f"; sample:\n{result['sample']}" if "sample" in result else ""
        return (
            f"{result['bits_per_char']:.4f} bits per character on {count:,} unseen characters{unknown} "
            f"(bigram, add-one: {result['bigram_bits_per_char']:.4f}){sample}"
        )

    def picture(self, axes: Axes, results: Mapping[str, Result]) -> None:
        """Bits per character, and those of the baselines."""
        some = next(iter(results.values()))
        bars = {"uniform": math.log2(self.classes), "bigram": some["bigram_bits_per_char"]}
        bars |= {impl: result["bits_per_char"] for impl, result in results.items()}
        drawn = axes.bar(list(bars), list(bars.values()), color=["0.8", "0.6", *["C0"] * len(results)])
        axes.bar_label(drawn, fmt="%.3f")
        axes.set_title(f"charlm: {some['test_characters']:,} unseen characters")
        axes.set_ylabel("bits per character (less is better)")
        axes.margins(y=0.1)


def bigram_bits(train: ndarray, test: ndarray, classes: int) -> float:
    """Equation (2), counted on `train`, and (1) on `test`; the first character is given.

    >>> text = np.array([0, 1, 0, 1, 0])
    >>> bigram_bits(text, np.array([0, 1, 0]), classes=2) == -math.log2(3 / 4)
    True
    """
    # Only pairs that occur are counted: a table of all pairs would have V² entries.
    pairs, counts = np.unique(train[:-1] * classes + train[1:], return_counts=True)
    queried = test[:-1] * classes + test[1:]
    at = np.searchsorted(pairs, queried).clip(max=len(pairs) - 1)
    together = np.where(pairs[at] == queried, counts[at], 0)
    first = np.bincount(train[:-1], minlength=classes)[test[:-1]]
    p = (together + 1) / (first + classes)  # (2)
    return float(-np.log2(p).mean())
