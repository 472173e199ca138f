"""A batch of sentences as the seq2seq model reads it: word numbers, time first, and which of them are real.

Callers give an (N, T) tensor or NumPy array and N lengths. Padding may hold anything, out of range or
not: it is 0 from here on, and `real` keeps it out of the loss.

Axes (scratch_rnn/notation.py): T time, N batch, V words.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Int
from numpy import ndarray
from torch import Tensor

from scratch_rnn.checks import message
from scratch_rnn.seq2seq_common import WHO, Sizes, check_lengths, check_range, check_rows


class Sentences(NamedTuple):
    """T is the longest length: columns that are padding throughout are gone."""

    words: Int[Tensor, "T N"]
    real: Bool[Tensor, "T N"]
    lengths: list[int]


def read(what: str, words: Any, lengths: Any, size: int, device: Any) -> Sentences:
    """`what` is "source" or "target", `size` is V. Raises TypeError or ValueError."""
    if not _integer(words):
        got = f"dtype {words.dtype}" if isinstance(words, Tensor | ndarray) else type(words).__name__
        raise TypeError(message(WHO, f"{what} to be a tensor or a numpy array of integers", got))
    counts = check_lengths(what, lengths, words.shape)
    tensor = torch.tensor(words) if isinstance(words, ndarray) else words
    tensor = tensor.to(device, torch.int64)
    real = torch.arange(max(counts), device=device)[:, None] < torch.tensor(counts, device=device)
    steps = torch.where(real, tensor.T[: max(counts)], 0)
    check_range(f"the words of {what}", int(steps.min()), int(steps.max()), size)
    return Sentences(steps, real, counts)


def read_pairs(
    source: Any, source_lengths: Any, target: Any, target_lengths: Any, sizes: Sizes, device: Any
) -> tuple[Sentences, Sentences]:
    """Both sides of a batch, row by row of each other. Raises TypeError or ValueError."""
    sources = read("source", source, source_lengths, sizes.source_size, device)
    targets = read("target", target, target_lengths, sizes.target_size, device)
    check_rows(len(sources.lengths), len(targets.lengths))
    return sources, targets


def _integer(words: Any) -> bool:
    if isinstance(words, ndarray):
        return words.dtype.kind in "iu"
    if not isinstance(words, Tensor):
        return False
    return not (words.is_floating_point() or words.is_complex() or words.dtype == torch.bool)
