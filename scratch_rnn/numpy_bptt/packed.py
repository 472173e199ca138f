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
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import expect_bool, expect_equal_shape, expect_one_of, message
from scratch_rnn.numpy_bptt import packed_checks as checks

Lengths = Sequence[int] | ndarray


class _Fields(NamedTuple):
    data: ndarray
    batch_sizes: ndarray
    sorted_indices: ndarray | None = None
    unsorted_indices: ndarray | None = None


class PackedSequence(_Fields):
    """data (R, *), batch_sizes (T,), and the permutations (N,) or None where nothing was sorted.

    Raises TypeError unless data and the permutations are arrays and batch_sizes are integers, and ValueError
    if batch_sizes increase, contain a number below 1 or do not add up to R, or if the permutations are not of
    N sequences and inverse.
    """

    def __new__(
        cls,
        data: ndarray,
        batch_sizes: ndarray | Sequence[int],
        sorted_indices: ndarray | None = None,
        unsorted_indices: ndarray | None = None,
    ) -> "PackedSequence":
        batch_sizes = checks.integers("PackedSequence", "batch_sizes", batch_sizes)
        checks.batch_sizes(batch_sizes.tolist(), data)
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        checks.inverses(sorted_indices, unsorted_indices, int(batch_sizes[0]))
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)


def invert_permutation(permutation: ndarray | None) -> ndarray | None:
    """Q with q[p[i]] = i; None for None. ValueError where p is no permutation of 0 … n-1."""
    if permutation is None:
        return None
    return np.argsort(checks.permutation(permutation))


def pack_padded_sequence(
    input: ndarray, lengths: Lengths, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Remove the padding: (T, N, *), or (N, T, *) with batch_first -> PackedSequence.

    `lengths` (N,) are the numbers of real steps, each 1 to T. They must not increase unless
    enforce_sorted=False. Raises ValueError for lengths that do not fit the array.
    """
    steps = checks.time_major("pack_padded_sequence", input, batch_first)
    lengths = checks.lengths("pack_padded_sequence", lengths, steps.shape[:2], least=1)
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

    T is the longest length, or total_length if given. Raises ValueError if that is shorter, or if the dtype
    cannot hold padding_value.
    """
    checks.packed("pad_packed_sequence", sequence)
    data, batch_sizes, _, unsorted_indices = sequence
    steps = checks.total_length("pad_packed_sequence", total_length, len(batch_sizes))
    checks.padding_value("pad_packed_sequence", padding_value, data.dtype)
    padded = np.full((steps, batch_sizes[0], *data.shape[1:]), padding_value, data.dtype)
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
    checks.packed("pad_packed_sequence_backward", sequence)
    steps = checks.time_major("pad_packed_sequence_backward", d_padded, batch_first)
    checks.gradient("pad_packed_sequence_backward", steps, sequence)
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

    `padding_side` is "right" (sequence first) or "left". Raises ValueError without any sequence, if the axes
    after the first one differ, or if the dtype cannot hold padding_value.
    """
    sequences = checks.sequences("pad_sequence", sequences)
    expect_one_of("pad_sequence", "padding_side", padding_side, ["right", "left"])
    longest = max(len(s) for s in sequences)
    dtype = np.result_type(*sequences)
    checks.padding_value("pad_sequence", padding_value, dtype)
    padded = np.full((longest, len(sequences), *sequences[0].shape[1:]), padding_value, dtype)
    for n, sequence in enumerate(sequences):
        start = 0 if padding_side == "right" else longest - len(sequence)
        padded[start : start + len(sequence), n] = sequence
    return padded.swapaxes(0, 1) if batch_first else padded


def pad_sequence_backward(
    d_padded: ndarray, lengths: Lengths, batch_first: bool = False, padding_side: str = "right"
) -> list[ndarray]:
    """d_sequences: each sequence's own steps."""
    expect_one_of("pad_sequence_backward", "padding_side", padding_side, ["right", "left"])
    checks.time_major("pad_sequence_backward", d_padded, batch_first)
    if padding_side == "right":
        return unpad_sequence(d_padded, lengths, batch_first)
    time = 1 if batch_first else 0
    flipped = unpad_sequence(np.flip(d_padded, time), lengths, batch_first)
    return [sequence[::-1] for sequence in flipped]


def unpad_sequence(padded: ndarray, lengths: Lengths, batch_first: bool = False) -> list[ndarray]:
    """The inverse of pad_sequence (padded on the right): a list of N arrays (length, *)."""
    steps = checks.time_major("unpad_sequence", padded, batch_first)
    lengths = checks.lengths("unpad_sequence", lengths, steps.shape[:2], least=0)
    return [steps[:length, n].copy() for n, length in enumerate(lengths)]


def unpad_sequence_backward(
    d_sequences: Sequence[ndarray], total_length: int, batch_first: bool = False
) -> ndarray:
    """d_padded: each sequence's gradient at its steps, zero after them; total_length is T."""
    d_steps = pad_sequence(checks.sequences("unpad_sequence_backward", d_sequences))
    longest, rows, *rest = d_steps.shape
    steps = checks.total_length("unpad_sequence_backward", total_length, longest)
    d_padded = np.zeros((steps, rows, *rest), d_steps.dtype)
    d_padded[:longest] = d_steps
    return d_padded.swapaxes(0, 1) if batch_first else d_padded


def pack_sequence(sequences: Iterable[ndarray], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences (length, *) -> PackedSequence. Its adjoint is unpack_sequence."""
    sequences = checks.sequences("pack_sequence", sequences)
    lengths = [len(sequence) for sequence in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[ndarray]:
    """PackedSequence -> a list of N arrays (length, *), in the caller's order.

    Its adjoint is pack_sequence(…, enforce_sorted=False).
    """
    return unpad_sequence(*pad_packed_sequence(packed_sequences))


def last_step(packed: PackedSequence, bidirectional: bool = False) -> ndarray:
    """Each sequence's own last step, (N, *), in the caller's order.

    In the output of a bidirectional layer, the second half of the last axis is the backward direction, which
    reads a sequence from its end: its final state is at the first step. With bidirectional=True that half is
    taken there, and the result, both final states beside each other, is [h_n[-2], h_n[-1]].

    Raises ValueError if bidirectional and the last axis is odd.
    """
    expect_bool("last_step", "bidirectional", bidirectional)
    padded, lengths = pad_packed_sequence(packed)
    last = padded[lengths - 1, np.arange(len(lengths))]
    if bidirectional:
        half = checks.half("last_step", last)
        last[..., half:] = padded[0][..., half:]
    return last


def last_step_backward(
    d_last: ndarray, packed: PackedSequence, bidirectional: bool = False
) -> PackedSequence:
    """d_packed: zero except at the steps that last_step takes."""
    expect_bool("last_step_backward", "bidirectional", bidirectional)
    checks.with_axes("last_step_backward", "d_last", d_last, "(N, *)")
    padded, lengths = pad_packed_sequence(packed)
    expect_equal_shape("last_step_backward", "d_last", padded.shape[1:], d_last.shape)
    d_padded = np.zeros_like(padded)
    d_padded[lengths - 1, np.arange(len(lengths))] = d_last
    if bidirectional:
        half = checks.half("last_step_backward", d_last)
        d_padded[..., half:] = 0
        d_padded[0][..., half:] = d_last[..., half:]
    return pad_packed_sequence_backward(d_padded, packed)
