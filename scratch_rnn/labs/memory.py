"""Lab memory: why an LSTM keeps values over many steps. The adding problem of Hochreiter & Schmidhuber 1997.

Each step reads two numbers: a value, uniform in [0, 1), and a mark. Two steps are marked, one in each half
of the sequence; the target is the sum of their values. A model that always predicts the mean, 1, has a mean
squared error of 1/6, the variance of that sum. To do better it must carry the first value over many steps:
the gradient must reach that far.

The picture shows that gradient before any training: ‖∂loss/∂h_t‖ over the distance T - t, for each cell. In
an RNN it is multiplied by W_hhᵀ diag(1 - h²) at every step and vanishes. On the LSTM's direct path it is
multiplied by the forget gate, which a forget bias keeps near 1. docs/derivations.md, section 5, derives both;
`python -m docs.memory_table` trains every cell and prints a table.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy import ndarray

from scratch_rnn import numpy_bptt
from scratch_rnn.checks import UsageError, message
from scratch_rnn.labs.harness.implementations import DType, Implementation
from scratch_rnn.labs.harness.lab import Batch, Result, Training, TrainingLab
from scratch_rnn.labs.harness.options import option
from scratch_rnn.labs.harness.protocols import Model, Track, Trainer, untracked
from scratch_rnn.trace import recording

BASELINE = 1 / 6
"""The mean squared error of predicting 1: the variance of the sum of two uniform values in [0, 1)."""
TEST_ROWS = 500
MOST_NUMBERS = 2**28
"""Largest number of steps of all sequences that are drawn at once."""

CELLS = (("rnn", 0.0), ("gru", 0.0), ("lstm", 0.0), ("lstm", 1.0), ("lstm", 3.0))
"""The cells of the picture and of the table, each with its forget bias."""


@dataclass(frozen=True)
class Options(Training):
    """The options of memory."""

    cell: str = "lstm"
    hidden: int = 32
    clip: float | None = 1.0
    length: int = option(40, "steps of a sequence", least=2)
    forget_bias: float | None = option(
        None, "added to an LSTM's forget gate before training; default 1", least=-(10**30), most=10**30
    )
    batch_size: int = option(32, "sequences in a batch", least=1)


class Memory(TrainingLab[Options]):
    """Add two marked numbers of a sequence: which cell remembers the first one."""

    name = "memory"
    options = Options
    has_picture = True
    default_steps = 600
    loss_unit = "squared error of the sum"

    def __init__(self, settings: Options) -> None:
        super().__init__(settings)
        if settings.cell != "lstm" and settings.forget_bias is not None:
            raise UsageError(message("--forget-bias", "--cell lstm", f"--cell {settings.cell}"))
        rows = max(settings.batch_size, TEST_ROWS)
        if rows * settings.length > MOST_NUMBERS:
            expected = f"at most {MOST_NUMBERS:,} steps of all sequences"
            got = f"{rows:,} sequences of --length {settings.length:,}"
            raise UsageError(message(self.name, expected, got))

    def initial_weights(self, drawn: Mapping[str, ndarray]) -> Mapping[str, ndarray]:
        """The drawn weights with the forget bias added, in every layer."""
        if self.settings.cell != "lstm":
            return drawn
        added = 1.0 if self.settings.forget_bias is None else self.settings.forget_bias
        return {
            name: with_forget_bias(array, added) if ".bias_ih" in name else array
            for name, array in drawn.items()
        }

    def model(self, implementation: Implementation, dtype: DType) -> Model:
        """LSTM(2, 32), and a head on the last step."""
        s = self.settings
        return implementation.SequenceModel(
            s.cell, 2, s.hidden, s.layers, outputs=1, last=True, loss="squared_error", dtype=dtype
        )

    def batch(self, step: int) -> Batch:
        """New sequences at every step: (N, T, 2) and their sums (N, 1)."""
        return draw(np.random.default_rng([self.settings.seed, step]), self.settings.batch_size, self.length)

    @property
    def length(self) -> int:
        """T."""
        return int(self.settings.length)

    def result(self, trainer: Trainer, track: Track = untracked) -> Result:
        """The mean squared error on sequences that were not trained on, and the baseline's."""
        x, target = draw(np.random.default_rng([self.settings.seed, 2**32]), TEST_ROWS, self.length)
        prediction, _ = trainer.predict(x)
        return {"mse": float(((prediction - target) ** 2).mean()), "baseline_mse": BASELINE}

    def summary(self, result: Result) -> str:
        """Both errors."""
        mse, baseline = result["mse"], result["baseline_mse"]
        return f"mean squared error {mse:.4f} on new sequences (always predicting the mean: {baseline:.4f})"

    def reference_losses(self) -> Mapping[str, float]:
        """The baseline."""
        return {"always the mean": BASELINE}

    def picture(self, axes: Axes, results: Mapping[str, Result]) -> None:
        """The gradient's norm over the distance, for every cell at its first weights."""
        for cell, forget_bias in CELLS:
            norms = gradient_norms(cell, forget_bias, self.length, self.settings.hidden, self.settings.seed)
            axes.plot(norms, label=label(cell, forget_bias))
        axes.set_yscale("log")
        axes.set_title("memory: the gradient before training")
        axes.set_xlabel("distance T - t (steps)")
        axes.set_ylabel("‖∂loss/∂h_t‖ / ‖∂loss/∂h_T‖")
        axes.legend()
        axes.grid(alpha=0.3)


def draw(rng: np.random.Generator, rows: int, length: int) -> tuple[ndarray, ndarray]:
    """(x (N, T, 2): values and marks; target (N, 1): the sums of the two marked values).

    >>> x, target = draw(np.random.default_rng(0), rows=3, length=10)
    >>> bool(np.allclose((x[..., 0] * x[..., 1]).sum(axis=1, keepdims=True), target))
    True
    """
    values, marks, row = rng.random((rows, length)), np.zeros((rows, length)), np.arange(rows)
    marks[row, rng.integers(0, length // 2, rows)] = 1
    marks[row, rng.integers(length // 2, length, rows)] = 1
    return np.stack([values, marks], axis=2), (values * marks).sum(axis=1, keepdims=True)


def with_forget_bias(bias: ndarray, forget_bias: float) -> ndarray:
    """An LSTM's b_ih (4H,) with `forget_bias` added to the block of f; gate order i f g o."""
    hidden = len(bias) // 4
    added = bias.copy()
    added[hidden : 2 * hidden] += forget_bias
    return added


def label(cell: str, forget_bias: float) -> str:
    """A cell's name in pictures and tables.

    >>> label("lstm", 3.0), label("gru", 0.0)
    ('LSTM, forget bias 3', 'GRU')
    """
    return f"LSTM, forget bias {forget_bias:g}" if cell == "lstm" else cell.upper()


def gradient_norms(cell: str, forget_bias: float, length: int, hidden: int, seed: int) -> ndarray:
    """‖∂loss/∂h_t‖ / ‖∂loss/∂h_T‖ by distance T - t, from 0 to T - 1, averaged over 32 sequences.

    The layer has its first weights; the loss is the sum of h_T times random cotangents.
    """
    rng = np.random.default_rng(seed)
    layer = getattr(numpy_bptt, cell.upper())(2, hidden, dtype=np.float64, rng=rng)
    weights = layer.state_dict()
    if cell == "lstm":
        weights["bias_ih_l0"] = with_forget_bias(weights["bias_ih_l0"], forget_bias)
    layer.load_state_dict(weights)
    x, _ = draw(rng, 32, length)
    with recording(layer) as trace:
        output, _, tape = layer.forward(x.swapaxes(0, 1))
        d_output = np.zeros_like(output)
        d_output[-1] = rng.normal(size=output[-1].shape)
        layer.backward(tape, d_output)
    norms = np.linalg.norm(trace["d_h_next"], axis=2).mean(axis=1)[::-1]
    return norms / norms[0]
