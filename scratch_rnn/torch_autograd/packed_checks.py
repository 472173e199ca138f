"""What packed.py refuses: torch's types and texts where torch checks, our own where it checks nothing."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from torch import Tensor

from scratch_rnn.checks import message
from scratch_rnn.torch_autograd.checks import is_tensor


def pair(data: Any) -> tuple[Any, Any]:
    """PackedSequence's single argument is (data, batch_sizes)."""
    if not isinstance(data, list | tuple) or len(data) != 2:
        raise AssertionError("Expected data to be a list or tuple of length 2")
    return data[0], data[1]


def batch_sizes(sizes: Tensor, rows: int) -> None:
    """On the CPU, falling, above 0, R in all."""
    if sizes.device.type != "cpu":
        raise ValueError(
            "batch_sizes should always be on CPU. Instances of PackedSequence should never be created "
            "manually. They should be instantiated by functions like pack_sequence and "
            "pack_padded_sequences in nn.utils.rnn. "
            "https://pytorch.org/docs/stable/nn.html#torch.nn.utils.rnn.pack_sequence"
        )
    numbers = sizes.tolist()
    falling = all(a >= b for a, b in pairwise(numbers))
    if not numbers or not falling or numbers[-1] < 1 or sum(numbers) != rows:
        expected = f"batch_sizes that fall, stay above 0 and add up to R = {rows} rows of data"
        raise ValueError(message("PackedSequence", expected, numbers))


def time_major(who: str, padded: Any, batch_first: bool) -> Tensor:
    """The padded batch as (T, N, *)."""
    is_tensor(who, "the padded batch", padded)
    if padded.dim() < 2:
        axes = "(N, T, *)" if batch_first else "(T, N, *)"
        raise ValueError(message(who, f"a padded batch of shape {axes}", tuple(padded.shape)))
    return padded.transpose(0, 1) if batch_first else padded


def lengths(sizes: Tensor, steps: Tensor, enforce_sorted: bool) -> None:
    """One length a row, each of 1 to T, and falling where that is asked."""
    if steps.numel() == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    if sizes.dim() != 1 or sizes.device.type != "cpu":
        got = f"{sizes.dim()}D {sizes.device} Long tensor"
        raise RuntimeError(f"'lengths' argument should be a 1D CPU int64 tensor, but got {got}")
    most, rows = steps.shape[:2]
    if len(sizes) != rows:
        got = f"{len(sizes)} (batch_size={rows})"
        raise RuntimeError(f"Expected `len(lengths)` to be equal to batch_size, but got {got}")
    numbers = sizes.tolist()
    if (numbers[-1] if enforce_sorted else min(numbers)) <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if enforce_sorted and any(a < b for a, b in pairwise(numbers)):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
            "requirement if you do not need ONNX exportability."
        )
    for row, number in enumerate(numbers):
        if number > most:
            expected = f"the length of row {row} to lie in [1, T] = [1, {most}]"
            raise ValueError(message("pack_padded_sequence", expected, number))


def count(number: int, steps: Tensor) -> None:
    """As many lengths as rows."""
    rows = steps.shape[1]
    if number != rows:
        raise ValueError(message("unpad_sequence", f"lengths of shape (N,) = ({rows},)", f"({number},)"))


def packed(who: str, sequence: Any) -> None:
    """A PackedSequence, ours or torch's."""
    if not hasattr(sequence, "batch_sizes"):
        raise TypeError(message(who, "a PackedSequence", type(sequence).__name__))


def total_length(total: int | None, longest: int) -> None:
    """Room for the longest sequence."""
    if total is not None and total < longest:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, "
            f"but got total_length={total} and max sequence length being {longest}"
        )


def sequences(given: Any) -> list[Tensor]:
    """At least one tensor, each with a length."""
    if not isinstance(given, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(given)}"
        )
    tensors = list(given)
    if not tensors:
        raise RuntimeError("received an empty list of sequences")
    for number, tensor in enumerate(tensors):
        is_tensor("pad_sequence", f"sequence {number}", tensor)
        if tensor.dim() == 0:
            raise RuntimeError(message("pad_sequence", f"sequence {number} of shape (length, *)", "()"))
    return tensors


def padding_side(side: str) -> None:
    """Left or right."""
    if side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {side}.")
