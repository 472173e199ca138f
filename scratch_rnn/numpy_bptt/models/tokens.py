"""A batch of sentences as the seq2seq model reads it: word numbers, time first, and which of them are real.

Callers give an (N, T) array and N lengths. Padding may hold anything, out of range or not: it is 0 from
here on, and `real` keeps it out of the loss.

Axes (scratch_rnn/notation.py): T time, N batch, V words.
"""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray

from scratch_rnn.checks import message
from scratch_rnn.seq2seq_common import WHO, Sizes, check_lengths, check_range, check_rows


class Sentences(NamedTuple):
    """T is the longest length: columns that are padding throughout are gone."""

    words: Int[ndarray, "T N"]
    real: Bool[ndarray, "T N"]
    lengths: list[int]


def read(what: str, words: Any, lengths: Any, size: int) -> Sentences:
    """`what` is "source" or "target", `size` is V. Raises TypeError or ValueError."""
    if not isinstance(words, ndarray) or not np.issubdtype(words.dtype, np.integer):
        got = f"dtype {words.dtype}" if isinstance(words, ndarray) else type(words).__name__
        raise TypeError(message(WHO, f"{what} to be a numpy array of integers", got))
    counts = check_lengths(what, lengths, words.shape)
    real = np.arange(max(counts))[:, None] < np.array(counts)
    steps = np.where(real, words.T[: max(counts)], 0).astype(np.int64)
    check_range(f"the words of {what}", int(steps.min()), int(steps.max()), size)
    return Sentences(steps, real, counts)


def read_pairs(
    source: Any, source_lengths: Any, target: Any, target_lengths: Any, sizes: Sizes
) -> tuple[Sentences, Sentences]:
    """Both sides of a batch, row by row of each other. Raises TypeError or ValueError."""
    sources = read("source", source, source_lengths, sizes.source_size)
    targets = read("target", target, target_lengths, sizes.target_size)
    check_rows(len(sources.lengths), len(targets.lengths))
    return sources, targets
