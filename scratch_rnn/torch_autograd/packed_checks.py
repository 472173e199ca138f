"""The checks of packed.py. Error types and texts are torch's where torch checks, our own elsewhere.

Axes (scratch_rnn/notation.py): T time, N sequences, R rows; `*` is any further axes.
"""

from collections.abc import Iterable
from itertools import pairwise
from numbers import Number
from typing import Any, cast

import torch
from torch import Tensor

from scratch_rnn.checks import message


def expect_tensor(who: str, what: str, x: object, expected: str = "a Tensor") -> Tensor:
    """Return x if it is a tensor, or an object that replaces one through `__torch_function__`.

    TypeError otherwise.
    """
    if not (isinstance(x, Tensor) or hasattr(x, "__torch_function__")):
        raise TypeError(message(who, f"{what} to be {expected}", type(x).__name__))
    return cast(Tensor, x)


def not_traced(who: str) -> None:
    """RuntimeError under torch.jit.trace: the trace would keep the lengths of its example."""
    if torch._C._get_tracing_state() is not None:
        expected = "no torch.jit.trace, which would keep the lengths of its example (torch.compile does not)"
        raise RuntimeError(message(who, expected, "one"))


def pair(data: object) -> tuple[Any, Any]:
    """(data, batch_sizes), given as PackedSequence's only argument; AssertionError for another length."""
    if not isinstance(data, list | tuple) or len(data) != 2:
        raise AssertionError("Expected data to be a list or tuple of length 2")
    return data[0], data[1]


def batch_sizes(sizes: object, data: object) -> None:
    """Check batch_sizes: int64 (T,) on the CPU with T ≥ 1, never increasing, each at least 1, with sum R.

    TypeError where one of the two is no tensor, else ValueError.
    """
    not_traced("PackedSequence")
    data = expect_tensor("PackedSequence", "data", data)
    sizes = expect_tensor("PackedSequence", "batch_sizes", sizes)
    if sizes.device.type != "cpu":
        raise ValueError(
            "batch_sizes should always be on CPU. Instances of PackedSequence should never be created "
            "manually. They should be instantiated by functions like pack_sequence and "
            "pack_padded_sequences in nn.utils.rnn. "
            "https://pytorch.org/docs/stable/nn.html#torch.nn.utils.rnn.pack_sequence"
        )
    if sizes.dim() != 1 or sizes.dtype != torch.int64:
        got = f"shape {tuple(sizes.shape)}, {sizes.dtype}"
        raise ValueError(message("PackedSequence", "batch_sizes of shape (T,), torch.int64", got))
    numbers = sizes.tolist()
    sorted_ = all(a >= b for a, b in pairwise(numbers))
    rows = data.shape[:1].numel() if data.dim() else 0
    if not numbers or not sorted_ or numbers[-1] < 1 or sum(numbers) != rows:
        expected = f"batch_sizes that never increase, are at least 1 and add up to R = {rows} rows of data"
        raise ValueError(message("PackedSequence", expected, numbers))


def permutation(order: object) -> None:
    """ValueError unless each of 0 to N-1 occurs once. A tensor on meta has no values to check."""
    order = expect_tensor("invert_permutation", "permutation", order)
    is_integer = not (order.is_floating_point() or order.is_complex() or order.dtype == torch.bool)
    if order.dim() != 1 or not is_integer:
        got = f"shape {tuple(order.shape)}, {order.dtype}"
        raise ValueError(message("invert_permutation", "integers of shape (N,)", got))
    if not order.is_meta and sorted(numbers := order.tolist()) != list(range(len(numbers))):
        raise ValueError(message("invert_permutation", f"each of 0 to {len(numbers) - 1} once", numbers))


def as_lengths(who: str, lengths: object) -> Tensor:
    """Lengths as a tensor: the given one, or a new one on the CPU; TypeError if there can be none."""
    if isinstance(lengths, Tensor) or hasattr(lengths, "__torch_function__"):
        return cast(Tensor, lengths)
    try:
        return torch.as_tensor(lengths, device="cpu")
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(message(who, "lengths to be integers", repr(lengths))) from error


def time_major(who: str, padded: object, batch_first: bool) -> Tensor:
    """The padded batch as (T, N, *). TypeError unless it is a tensor, ValueError below two axes."""
    padded = expect_tensor(who, "the padded batch", padded)
    if padded.dim() < 2:
        axes = "(N, T, *)" if batch_first else "(T, N, *)"
        raise ValueError(message(who, f"a padded batch of shape {axes}", tuple(padded.shape)))
    return padded.transpose(0, 1) if batch_first else padded


def lengths(sizes: Tensor, steps: Tensor, enforce_sorted: bool) -> None:
    """Check one length per row, each from 1 to T; with enforce_sorted the longest first.

    RuntimeError with torch's texts; ValueError for a length above T.
    """
    not_traced("pack_padded_sequence")
    if steps.numel() == 0:
        raise RuntimeError("Cannot pack empty tensors.")
    if sizes.dim() != 1 or sizes.device.type != "cpu":
        got = f"{sizes.dim()}D {sizes.device} Long tensor"
        raise RuntimeError(f"'lengths' argument should be a 1D CPU int64 tensor, but got {got}")
    longest, rows = steps.shape[:2]
    if sizes.shape[0] != rows:
        got = f"{sizes.shape[0]} (batch_size={rows})"
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
        if number > longest:
            expected = f"the length of row {row} to lie in [1, T] = [1, {longest}]"
            raise ValueError(message("pack_padded_sequence", expected, number))


def count(lengths: Tensor, steps: Tensor) -> None:
    """ValueError unless there is one length per row, with known values."""
    not_traced("unpad_sequence")
    rows = steps.shape[1]
    if tuple(lengths.shape) != (rows,) or lengths.is_meta:
        got = f"{tuple(lengths.shape)}{' on meta' if lengths.is_meta else ''}"
        raise ValueError(message("unpad_sequence", f"lengths of shape (N,) = ({rows},)", got))


def packed(who: str, sequence: object) -> None:
    """TypeError unless `sequence` is a PackedSequence, ours or torch's."""
    if not hasattr(sequence, "batch_sizes"):
        raise TypeError(message(who, "a PackedSequence", type(sequence).__name__))


def total_length(total: int | None, longest: int) -> None:
    """TypeError or ValueError unless `total` is None or an integer of at least `longest`."""
    if total is None:
        return
    if not hasattr(total, "__index__"):
        raise TypeError(message("pad_packed_sequence", "total_length to be an integer", repr(total)))
    if total < longest:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, "
            f"but got total_length={total} and max sequence length being {longest}"
        )


def padding_value(who: str, value: object) -> None:
    """TypeError unless `value` is a number."""
    if not isinstance(value, Number | Tensor):
        raise TypeError(message(who, "padding_value to be a number", repr(value)))


def sequences(who: str, sequences: object) -> list[Tensor]:
    """A list of the sequences: at least one tensor (length, *), whose further axes broadcast to the first's.

    RuntimeError for anything else, TypeError for an element that is no tensor.
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    tensors = list(sequences)
    if not tensors:
        raise RuntimeError("received an empty list of sequences")
    for number, tensor in enumerate(tensors):
        expect_tensor(who, f"sequence {number}", tensor)
        if tensor.dim() == 0:
            raise RuntimeError(message(who, f"sequence {number} of shape (length, *)", "()"))
        shape, target = tensor.shape, (tensor.shape[0], *tensors[0].shape[1:])
        fits = len(shape) <= len(target) and all(
            a in (1, b) for a, b in zip(shape[::-1], target[::-1], strict=False)
        )
        if not fits:
            expected = f"sequence {number} of shape (length, *) = {target}"
            raise RuntimeError(message(who, expected, tuple(shape)))
    return tensors


def padding_side(side: object) -> None:
    """RuntimeError unless `side` is "left" or "right"."""
    if side not in ("left", "right"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {side}.")


def half(who: str, rows: Tensor) -> int:
    """Where the backward direction begins in the last axis of (N, *, 2·P)."""
    if rows.dim() < 2 or rows.shape[-1] % 2:
        raise ValueError(message(who, "an output of two directions, (N, *, 2·P)", tuple(rows.shape)))
    return rows.shape[-1] // 2
