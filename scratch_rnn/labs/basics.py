"""Lab 11-1, basics: three words of five letters through an RNN, and a mistake with batch_first.

Nothing is trained. The batch (3, 5, 4) is words × letters × one-hot, the layout of batch_first. Without
batch_first the layer reads the same array as 3 time steps of 5 rows. There is no error and the output has the
same shape, but the axis of words is now time: a change of word 0 changes the outputs of words 1 and 2. The
course makes this mistake.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy import ndarray

from scratch_rnn.labs.harness.implementations import DType, Implementation
from scratch_rnn.labs.harness.lab import Lab, Result, Settings
from scratch_rnn.labs.harness.protocols import Model, Track, Trainer, untracked
from scratch_rnn.labs.inputs.vocabulary import Alphabet

WORDS = ("hello", "eolll", "lleel")


@dataclass(frozen=True)
class Options(Settings):
    """The options of basics."""

    hidden: int | None = 2


class Basics(Lab[Options]):
    """Shapes, and which outputs a change of word 0 affects."""

    name = "basics"
    options = Options
    has_picture = True

    def __init__(self, settings: Options) -> None:
        super().__init__(settings)
        alphabet = Alphabet("helo")
        self.x = alphabet.one_hot(np.stack([alphabet.encode(word) for word in WORDS]))
        self.changed = self.x.copy()
        self.changed[0] = self.x[0, ::-1]  # word 0 reversed; the others unchanged

    def model(self, implementation: Implementation, dtype: DType) -> Model:
        """RNN(4, 2) without a head."""
        s = self.settings
        return implementation.SequenceModel(s.cell, self.x.shape[-1], s.hidden, s.layers, dtype=dtype)

    def result(self, trainer: Trainer, track: Track = untracked) -> Result:
        """Outputs with and without batch_first, with the same weights."""
        outputs, state = trainer.predict(self.x)
        h_n = state[0] if isinstance(state, tuple) else state
        assert h_n is not None
        # A layer without batch_first reads the first axis as time. For a layer with batch_first, that is
        # the array with its first two axes exchanged.
        time_major = [trainer.predict(x.swapaxes(0, 1))[0].swapaxes(0, 1) for x in (self.x, self.changed)]
        return {
            "outputs": outputs[0].tolist(),
            "output_shape": list(outputs.shape),
            "state_shape": list(h_n.shape),
            "moved_by_word_0_batch_first": _moved(outputs, trainer.predict(self.changed)[0]),
            "moved_by_word_0": _moved(*time_major),
            "change_batch_first": _change(outputs, trainer.predict(self.changed)[0]),
            "change": _change(*time_major),
        }

    def picture(self, axes: Axes, results: Mapping[str, Result]) -> None:
        """The 3 × 5 outputs, with batch_first and without: how far each moves when word 0 is reversed."""
        some = next(iter(results.values()))
        grids = [np.array(some[key]) for key in ("change_batch_first", "change")]
        largest = max(float(grid.max()) for grid in grids)
        for n, (grid, title) in enumerate(zip(grids, ("batch_first=True", "batch_first=False"), strict=True)):
            left, (words, letters) = n * 6.5, grid.shape
            for word, letter in np.ndindex(words, letters):
                value, side = grid[word, letter], (left + letter, word)
                face = str(1 - 0.6 * value / largest) if value else "w"
                axes.add_patch(Rectangle(side, 1, 1, facecolor=face, edgecolor="0.5"))
                text = f"{WORDS[word][letter]}\n{value:.1g}" if value else WORDS[word][letter]
                axes.text(side[0] + 0.5, word + 0.5, text, ha="center", va="center")
            axes.text(left + letters / 2, -0.2, title, ha="center", weight="bold")
            axes.text(left + letters / 2, words + 0.25, "letter t of the word →", ha="center", va="center")
        axes.set(xlim=(-0.1, 11.6), ylim=(3.5, -0.6), xticks=[])
        axes.set_yticks([0.5, 1.5, 2.5], [f"word {n}" for n in range(3)])
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        axes.set_title("basics: largest change of each output when word 0 is reversed (white: none)")

    def summary(self, result: Result) -> str:
        """Shapes, and the effect of batch_first."""
        shapes = f"output {tuple(result['output_shape'])}, state {tuple(result['state_shape'])}"
        right, wrong = result["moved_by_word_0_batch_first"], result["moved_by_word_0"]
        return f"{shapes}; word 0 affects words {right} with batch_first, {wrong} without"


def _change(before: ndarray, after: ndarray) -> list[list[float]]:
    """The largest change of each word's output at each letter."""
    changes: list[list[float]] = np.abs(after - before).max(axis=2).tolist()
    return changes


def _moved(before: ndarray, after: ndarray) -> list[int]:
    """The words whose outputs differ."""
    return [word for word in range(len(before)) if not np.array_equal(before[word], after[word])]
