"""Packed sequences: a batch of sequences of different lengths without its padding, and the adjoints.

The sequences are sorted by length, the longest first, and stored step by step. For `abc` and `x`:

                 t   0  1  2
    sequence 0       a  b  c           data         a x b c      (R = 4 rows)
    sequence 1       x                 batch_sizes  2   1 1      (N_t: how many have a step at t)

    >>> packed = pack_sequence([np.array(list("abc")), np.array(list("x"))])
    >>> print(*packed.data), print(*packed.batch_sizes)
    a x b c
    2 1 1
    (None, None)

Sequences in another order are sorted first (ties keep their order). `sorted_indices` lists the caller's
sequences in sorted order, and `unsorted_indices` is the inverse permutation.

Names and meaning are those of torch.nn.utils.rnn. An adjoint maps the gradient of the result to that of the
first argument; a step that the result does not contain (padding, or cut off) has gradient zero.

Axes (scratch_rnn/notation.py): T time, N sequences, R rows; `*` is any further axes.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import expect_one_of, message
from scratch_rnn.numpy_bptt.checks import expect_plain

Lengths = Sequence[int] | ndarray


class _Fields(NamedTuple):
    data: ndarray
    batch_sizes: ndarray
    sorted_indices: ndarray | None = None
    unsorted_indices: ndarray | None = None


class PackedSequence(_Fields):
    """data (R, *), batch_sizes (T,), and the permutations (N,) or None where nothing was sorted.

    Raises TypeError for a subclass of ndarray as data, and ValueError if batch_sizes increase, contain a
    number below 1 or do not add up to R, or if the permutations are not of N sequences and inverse.
    """

    def __new__(
        cls,
        data: ndarray,
        batch_sizes: ndarray | Sequence[int],
        sorted_indices: ndarray | None = None,
        unsorted_indices: ndarray | None = None,
    ) -> "PackedSequence":
        if isinstance(data, ndarray):
            expect_plain("PackedSequence", "data", data)
        batch_sizes = np.asarray(batch_sizes, dtype=np.int64)
        check_batch_sizes(batch_sizes.tolist(), len(data))
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        if unsorted_indices is not None:
            _check_inverse(sorted_indices, unsorted_indices, int(batch_sizes[0]))
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)


def check_batch_sizes(batch_sizes: Sequence[int], rows: int) -> None:
    """Raise ValueError unless batch_sizes never increase, are at least 1, and add up to `rows`."""
    falling = all(a >= b for a, b in pairwise(batch_sizes))
    if not batch_sizes or not falling or batch_sizes[-1] < 1 or sum(batch_sizes) != rows:
        expected = f"batch_sizes that fall, stay above 0 and add up to R = {rows} rows of data"
        raise ValueError(message("PackedSequence", expected, list(batch_sizes)))


def _check_inverse(permutation: ndarray | None, inverse: ndarray, rows: int) -> None:
    right = invert_permutation(permutation)
    if right is None or len(right) != rows or not np.array_equal(right, inverse):
        expected = f"sorted_indices and unsorted_indices of N = {rows} sequences, each the other's inverse"
        got = None if permutation is None else permutation.tolist()
        raise ValueError(message("PackedSequence", expected, f"{got} and {inverse.tolist()}"))


def invert_permutation(permutation: ndarray | None) -> ndarray | None:
    """Q with q[p[i]] = i; None for None. ValueError where p is no permutation of 0 … n-1."""
    if permutation is None:
        return None
    if not np.array_equal(np.sort(permutation), np.arange(len(permutation))):
        expected = f"each of 0 to {len(permutation) - 1} once"
        raise ValueError(message("invert_permutation", expected, permutation.tolist()))
    return np.argsort(permutation)


def pack_padded_sequence(
    input: ndarray, lengths: Lengths, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Remove the padding: (T, N, *), or (N, T, *) with batch_first -> PackedSequence.

    `lengths` (N,) are the numbers of real steps, each 1 to T. They must not increase unless
    enforce_sorted=False. Raises ValueError for lengths that do not fit the array.
    """
    steps = input.swapaxes(0, 1) if batch_first else input
    lengths = _check_lengths("pack_padded_sequence", lengths, steps.shape[:2], least=1)
    order = None
    if not enforce_sorted:
        order = np.argsort(-lengths, kind="stable")
        steps, lengths = steps[:, order], lengths[order]
    elif np.any(np.diff(lengths) > 0):
        expected = "lengths that don't rise, or enforce_sorted=False"
        raise ValueError(message("pack_padded_sequence", expected, lengths.tolist()))
    batch_sizes = (lengths > np.arange(lengths[0])[:, None]).sum(axis=1)
    data = np.concatenate([steps[t, :n] for t, n in enumerate(batch_sizes)])
    return PackedSequence(data, batch_sizes, order)


def pack_padded_sequence_backward(
    d_packed: PackedSequence, total_length: int, batch_first: bool = False
) -> ndarray:
    """d_input: each row's gradient at its step, zero at the padding; total_length is T."""
    return pad_packed_sequence(d_packed, batch_first, 0.0, total_length)[0]


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[ndarray, ndarray]:
    """PackedSequence -> ((T, N, *), or (N, T, *) with batch_first; lengths (N,)), in the caller's order.

    T is the longest length, or total_length if given (ValueError if that is shorter).
    """
    data, batch_sizes, _, unsorted_indices = sequence
    longest = len(batch_sizes)
    if total_length is not None and total_length < longest:
        expected = f"total_length of at least {longest}, the longest sequence"
        raise ValueError(message("pad_packed_sequence", expected, total_length))
    shape = (total_length or longest, batch_sizes[0], *data.shape[1:])
    padded = np.full(shape, padding_value, data.dtype)
    for t, step in enumerate(np.split(data, np.cumsum(batch_sizes)[:-1])):
        padded[t, : len(step)] = step
    lengths = (batch_sizes > np.arange(batch_sizes[0])[:, None]).sum(axis=1)
    if unsorted_indices is not None:
        padded, lengths = padded[:, unsorted_indices], lengths[unsorted_indices]
    return (padded.swapaxes(0, 1) if batch_first else padded), lengths


def pad_packed_sequence_backward(
    d_padded: ndarray, sequence: PackedSequence, batch_first: bool = False
) -> PackedSequence:
    """d_sequence: the gradients of the real steps. Padding is a constant, so its gradient is dropped."""
    steps = d_padded.swapaxes(0, 1) if batch_first else d_padded
    if sequence.sorted_indices is not None:
        steps = steps[:, sequence.sorted_indices]
    data = np.concatenate([steps[t, :n] for t, n in enumerate(sequence.batch_sizes)])
    return sequence._replace(data=data)


def pad_sequence(
    sequences: Iterable[ndarray],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> ndarray:
    """Sequences (length, *) -> (T, N, *), or (N, T, *) with batch_first; T is the longest length.

    `padding_side` is "right" (sequence first) or "left". Raises ValueError without any sequence, and if the
    axes after the first one differ.
    """
    sequences = list(sequences)
    for n, sequence in enumerate(sequences):
        if isinstance(sequence, ndarray):
            expect_plain("pad_sequence", f"sequences[{n}]", sequence)
    sequences = [np.asarray(sequence) for sequence in sequences]
    expect_one_of("pad_sequence", "padding_side", padding_side, ["right", "left"])
    shapes = {s.shape[1:] if s.ndim else None for s in sequences}
    if len(shapes) != 1 or None in shapes:
        expected = "at least one sequence (length, *), with the same axes after the length"
        raise ValueError(message("pad_sequence", expected, [s.shape for s in sequences]))
    longest = max(len(s) for s in sequences)
    dtype = np.result_type(*sequences)
    padded = np.full((longest, len(sequences), *sequences[0].shape[1:]), padding_value, dtype)
    for n, sequence in enumerate(sequences):
        start = 0 if padding_side == "right" else longest - len(sequence)
        padded[start : start + len(sequence), n] = sequence
    return padded.swapaxes(0, 1) if batch_first else padded


def pad_sequence_backward(
    d_padded: ndarray, lengths: Lengths, batch_first: bool = False, padding_side: str = "right"
) -> list[ndarray]:
    """d_sequences: each sequence's own steps."""
    if padding_side == "right":
        return unpad_sequence(d_padded, lengths, batch_first)
    time = 1 if batch_first else 0
    flipped = unpad_sequence(np.flip(d_padded, time), lengths, batch_first)
    return [sequence[::-1] for sequence in flipped]


def unpad_sequence(padded: ndarray, lengths: Lengths, batch_first: bool = False) -> list[ndarray]:
    """The inverse of pad_sequence (padded on the right): a list of N arrays (length, *)."""
    rows = padded if batch_first else padded.swapaxes(0, 1)
    lengths = _check_lengths("unpad_sequence", lengths, rows.shape[1::-1], least=0)
    return [row[:length].copy() for row, length in zip(rows, lengths, strict=True)]


def unpad_sequence_backward(
    d_sequences: Sequence[ndarray], total_length: int, batch_first: bool = False
) -> ndarray:
    """d_padded: each sequence's gradient at its steps, zero after them; total_length is T."""
    missing = total_length - max(len(d) for d in d_sequences)
    time = 1 if batch_first else 0
    d_padded = pad_sequence(d_sequences, batch_first)
    width: list[Any] = [(0, 0)] * d_padded.ndim
    width[time] = (0, missing)
    return np.pad(d_padded, width)


def pack_sequence(sequences: Iterable[ndarray], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences (length, *) -> PackedSequence. Its adjoint is unpack_sequence."""
    sequences = list(sequences)
    lengths = [len(sequence) for sequence in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[ndarray]:
    """PackedSequence -> a list of N arrays (length, *), in the caller's order.

    Its adjoint is pack_sequence(…, enforce_sorted=False).
    """
    return unpad_sequence(*pad_packed_sequence(packed_sequences))


def last_step(packed: PackedSequence) -> ndarray:
    """Each sequence's own last step, (N, *), in the caller's order."""
    padded, lengths = pad_packed_sequence(packed)
    return padded[lengths - 1, np.arange(len(lengths))]


def last_step_backward(d_last: ndarray, packed: PackedSequence) -> PackedSequence:
    """d_packed: zero except at each sequence's last step."""
    padded, lengths = pad_packed_sequence(packed)
    d_padded = np.zeros_like(padded)
    d_padded[lengths - 1, np.arange(len(lengths))] = d_last
    return pad_packed_sequence_backward(d_padded, packed)


def _check_lengths(who: str, lengths: Lengths, shape: tuple[int, ...], least: int) -> ndarray:
    """Lengths as an int64 array (N,), each within [least, T]; ValueError or TypeError otherwise."""
    steps, rows = shape
    array = np.asarray(lengths)
    if array.shape != (rows,):
        raise ValueError(message(who, f"lengths of shape (N,) = ({rows},)", array.shape))
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(message(who, "lengths to be integers", array.dtype))
    if rows == 0 or steps == 0:
        raise ValueError(message(who, "at least one row and one step", f"T = {steps}, N = {rows}"))
    for row, length in enumerate(array.tolist()):
        if not least <= length <= steps:
            expected = f"the length of row {row} to lie in [{least}, T] = [{least}, {steps}]"
            raise ValueError(message(who, expected, length))
    return array.astype(np.int64)
