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
from scratch_rnn.translation import WHO, check_lengths, check_range


class Sentences(NamedTuple):
    """T is the longest length: columns that are padding throughout are gone."""

    words: Int[Tensor, "T N"]
    real: Bool[Tensor, "T N"]
    lengths: list[int]


def read(what: str, words: Any, lengths: Any, size: int, device: Any) -> Sentences:
    """`what` is "source" or "target", `size` is V. Raises TypeError or ValueError."""
    tensor = torch.as_tensor(words) if isinstance(words, ndarray) else words
    if not isinstance(tensor, Tensor) or not _integer(tensor):
        got = f"dtype {words.dtype}" if isinstance(tensor, Tensor) else type(words).__name__
        raise TypeError(message(WHO, f"{what} to be a tensor or a numpy array of integers", got))
    counts = check_lengths(what, lengths, tensor.shape)
    tensor = tensor.to(device, torch.int64)
    real = torch.arange(max(counts), device=device)[:, None] < torch.tensor(counts, device=device)
    steps = torch.where(real, tensor.T[: max(counts)], 0)
    check_range(f"the words of {what}", int(steps.min()), int(steps.max()), size)
    return Sentences(steps, real, counts)


def _integer(tensor: Tensor) -> bool:
    return not (tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool)
