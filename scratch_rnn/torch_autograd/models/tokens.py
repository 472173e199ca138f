"""A batch of sentences as the seq2seq model reads it: token indices, time first, and a mask of the real ones.

Callers give an (N, T) tensor or NumPy array and N lengths. Padding may hold any number. It is replaced by
index 0 here, and `mask` keeps it out of the loss.

Axes (scratch_rnn/notation.py): T time, N batch, V vocabulary.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Int
from numpy import ndarray
from torch import Tensor

from scratch_rnn.checks import expect_index_range, message
from scratch_rnn.seq2seq_common import Sizes, check_lengths, check_rows

Tokens = Tensor | ndarray
Lengths = Sequence[int] | Tensor | ndarray


class TokenBatch(NamedTuple):
    """T is the largest length: columns that hold padding only are removed."""

    tokens: Int[Tensor, "T N"]
    mask: Bool[Tensor, "T N"]
    lengths: list[int]


def make_batch(what: str, tokens: Tokens, lengths: Lengths, size: int, device: torch.device) -> TokenBatch:
    """Check one side of a batch: `what` is "source" or "target", `size` is V.

    Raises TypeError where `tokens` is no tensor or array of integers or a length is no integer; ValueError
    for a shape, a length or an index out of range.
    """
    if not _holds_integers(tokens):
        got = f"dtype {tokens.dtype}" if isinstance(tokens, Tensor | ndarray) else type(tokens).__name__
        raise TypeError(message("Seq2Seq", f"{what} to be a tensor or a numpy array of integers", got))
    counts = check_lengths(what, lengths, tokens.shape)
    tensor = torch.tensor(tokens, device=device) if isinstance(tokens, ndarray) else tokens
    tensor = tensor.to(device, torch.int64)
    mask = torch.arange(max(counts), device=device)[:, None] < torch.tensor(counts, device=device)
    real = torch.where(mask, tensor.T[: max(counts)], 0)
    expect_index_range("Seq2Seq", f"the tokens of {what}", int(real.min()), int(real.max()), size)
    return TokenBatch(real, mask, counts)


def make_pair_batch(
    source: Tokens,
    source_lengths: Lengths,
    target: Tokens,
    target_lengths: Lengths,
    sizes: Sizes,
    device: torch.device,
) -> tuple[TokenBatch, TokenBatch]:
    """(sources, targets). Raises as `make_batch`, and ValueError for unequal numbers of rows."""
    sources = make_batch("source", source, source_lengths, sizes.source_size, device)
    targets = make_batch("target", target, target_lengths, sizes.target_size, device)
    check_rows(len(sources.lengths), len(targets.lengths))
    return sources, targets


def _holds_integers(tokens: object) -> bool:
    if isinstance(tokens, ndarray):
        return tokens.dtype.kind in "iu"
    if not isinstance(tokens, Tensor):
        return False
    return not (tokens.is_floating_point() or tokens.is_complex() or tokens.dtype == torch.bool)
