"""Lab 11-1, basics: three words of five letters through an RNN, and the batch_first trap.

Nothing is trained. The batch (3, 5, 4) is words × letters × one-hot, the layout of batch_first. Without
batch_first the layer reads the same array as 3 time steps of 5 rows. There is no error and the output has the
same shape, but the axis of words is now time: a change of word 0 changes the outputs of words 1 and 2. The
course makes this mistake.
"""

from dataclasses import dataclass

import numpy as np
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
        }

    def summary(self, result: Result) -> str:
        """Shapes, and the effect of batch_first."""
        shapes = f"output {tuple(result['output_shape'])}, state {tuple(result['state_shape'])}"
        right, wrong = result["moved_by_word_0_batch_first"], result["moved_by_word_0"]
        return f"{shapes}; word 0 affects words {right} with batch_first, {wrong} without"


def _moved(before: ndarray, after: ndarray) -> list[int]:
    """The words whose outputs differ."""
    return [word for word in range(len(before)) if not np.array_equal(before[word], after[word])]
