"""A batch of sentences as the seq2seq model reads it: token indices, time first, and a mask of the real ones.

Callers give an (N, T) array and N lengths. Padding may hold any number. It is replaced by index 0 here, and
`mask` keeps it out of the loss.

Axes (scratch_rnn/notation.py): T time, N batch, V vocabulary.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int
from numpy import ndarray

from scratch_rnn.checks import expect_index_range, message
from scratch_rnn.seq2seq_common import Sizes, check_lengths, check_rows

Lengths = Sequence[int] | ndarray


class TokenBatch(NamedTuple):
    """T is the largest length: columns that hold padding only are removed."""

    tokens: Int[ndarray, "T N"]
    mask: Bool[ndarray, "T N"]
    lengths: list[int]


def make_batch(what: str, tokens: ndarray, lengths: Lengths, size: int) -> TokenBatch:
    """Check one side of a batch: `what` is "source" or "target", `size` is V.

    Raises TypeError where `tokens` is no array of integers or a length is no integer; ValueError for a
    shape, a length or an index out of range.
    """
    if not isinstance(tokens, ndarray) or not np.issubdtype(tokens.dtype, np.integer):
        got = f"dtype {tokens.dtype}" if isinstance(tokens, ndarray) else type(tokens).__name__
        raise TypeError(message("Seq2Seq", f"{what} to be a numpy array of integers", got))
    counts = check_lengths(what, lengths, tokens.shape)
    mask = np.arange(max(counts))[:, None] < np.array(counts)
    real = np.where(mask, tokens.T[: max(counts)], 0).astype(np.int64)
    expect_index_range("Seq2Seq", f"the tokens of {what}", int(real.min()), int(real.max()), size)
    return TokenBatch(real, mask, counts)


def make_pair_batch(
    source: ndarray, source_lengths: Lengths, target: ndarray, target_lengths: Lengths, sizes: Sizes
) -> tuple[TokenBatch, TokenBatch]:
    """(sources, targets). Raises as `make_batch`, and ValueError for unequal numbers of rows."""
    sources = make_batch("source", source, source_lengths, sizes.source_size)
    targets = make_batch("target", target, target_lengths, sizes.target_size)
    check_rows(len(sources.lengths), len(targets.lengths))
    return sources, targets
