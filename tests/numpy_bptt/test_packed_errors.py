"""What NumPy packing refuses: the type and the whole text, once for each."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scratch_rnn.numpy_bptt import (
    PackedSequence,
    invert_permutation,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpad_sequence,
)

FULL, PACKED = np.ones((4, 3, 2)), pack_padded_sequence(np.ones((4, 3, 2)), [4, 2, 1])
SIZES_OF_7 = "batch_sizes that fall, stay above 0 and add up to R = 7 rows of data"
ALIKE = "at least one sequence (length, *), with the same axes after the length"
INVERSES = "sorted_indices and unsorted_indices of N = 2 sequences, each the other's inverse"
MASKED = np.ma.masked_array(np.ones(3), [True, False, False])
SUBCLASS = "to be a numpy array, got MaskedArray, a subclass of numpy.ndarray"
REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: PackedSequence(MASKED, [2, 1]),
        TypeError,
        f"PackedSequence: data {SUBCLASS} (data = numpy.asarray(data) takes its data alone)",
    ),
    (
        lambda: pad_sequence([np.ones(3), MASKED]),
        TypeError,
        f"pad_sequence: sequences[1] {SUBCLASS} "
        "(sequences[1] = numpy.asarray(sequences[1]) takes its data alone)",
    ),
    (
        lambda: PackedSequence(np.ones(3), [2, 1], np.arange(3)),
        ValueError,
        f"PackedSequence: {INVERSES}, got [0, 1, 2] and [0, 1, 2]",
    ),
    (
        lambda: PackedSequence(np.ones(3), [2, 1], np.array([1, 0]), np.array([0, 1])),
        ValueError,
        f"PackedSequence: {INVERSES}, got [1, 0] and [0, 1]",
    ),
    (
        lambda: PackedSequence(np.ones(3), [2, 1], None, np.array([1, 0])),
        ValueError,
        f"PackedSequence: {INVERSES}, got None and [1, 0]",
    ),
    (lambda: PackedSequence(np.ones(7), [3, 4]), ValueError, f"PackedSequence: {SIZES_OF_7}, got [3, 4]"),
    (lambda: PackedSequence(np.ones(7), [7, 0]), ValueError, f"PackedSequence: {SIZES_OF_7}, got [7, 0]"),
    (lambda: PackedSequence(np.ones(7), [3, 3]), ValueError, f"PackedSequence: {SIZES_OF_7}, got [3, 3]"),
    (lambda: PackedSequence(np.ones(7), []), ValueError, f"PackedSequence: {SIZES_OF_7}, got []"),
    (
        lambda: PackedSequence(np.ones(3), [2, 1], np.array([1, 1])),
        ValueError,
        "invert_permutation: each of 0 to 1 once, got [1, 1]",
    ),
    (
        lambda: invert_permutation(np.array([0, 3, 1])),
        ValueError,
        "invert_permutation: each of 0 to 2 once, got [0, 3, 1]",
    ),
    (
        lambda: pack_padded_sequence(FULL, [1, 2, 4]),
        ValueError,
        "pack_padded_sequence: lengths that don't rise, or enforce_sorted=False, got [1, 2, 4]",
    ),
    (
        lambda: pack_padded_sequence(FULL, [5, 2, 1]),
        ValueError,
        "pack_padded_sequence: the length of row 0 to lie in [1, T] = [1, 4], got 5",
    ),
    (
        lambda: pack_padded_sequence(FULL, [4, 2, 0], enforce_sorted=False),
        ValueError,
        "pack_padded_sequence: the length of row 2 to lie in [1, T] = [1, 4], got 0",
    ),
    (
        lambda: pack_padded_sequence(FULL, [4, 2], enforce_sorted=False),
        ValueError,
        "pack_padded_sequence: lengths of shape (N,) = (3,), got (2,)",
    ),
    (
        lambda: pack_padded_sequence(FULL, [4, 2, 1], batch_first=True),
        ValueError,
        "pack_padded_sequence: lengths of shape (N,) = (4,), got (3,)",
    ),
    (
        lambda: pack_padded_sequence(FULL, np.array([4.0, 2, 1])),
        TypeError,
        "pack_padded_sequence: lengths to be integers, got float64",
    ),
    (
        lambda: pack_padded_sequence(FULL[:, :0], np.array([], int)),
        ValueError,
        "pack_padded_sequence: at least one row and one step, got T = 4, N = 0",
    ),
    (
        lambda: pad_packed_sequence(PACKED, total_length=3),
        ValueError,
        "pad_packed_sequence: total_length of at least 4, the longest sequence, got 3",
    ),
    (
        lambda: pad_sequence([np.ones(2)], padding_side="up"),
        ValueError,
        "pad_sequence: padding_side to be 'right' or 'left', got 'up'",
    ),
    (lambda: pad_sequence([]), ValueError, f"pad_sequence: {ALIKE}, got []"),
    (
        lambda: pad_sequence([np.ones((2, 1)), np.ones((2, 3))]),
        ValueError,
        f"pad_sequence: {ALIKE}, got [(2, 1), (2, 3)]",
    ),
    (lambda: pad_sequence([np.ones(())]), ValueError, f"pad_sequence: {ALIKE}, got [()]"),
    (
        lambda: unpad_sequence(FULL, [4, 5, 1]),
        ValueError,
        "unpad_sequence: the length of row 1 to lie in [0, T] = [0, 4], got 5",
    ),
    (
        lambda: unpad_sequence(FULL, [4, 2]),
        ValueError,
        "unpad_sequence: lengths of shape (N,) = (3,), got (2,)",
    ),
    (
        lambda: pack_sequence([np.ones(1), np.ones(2)]),
        ValueError,
        "pack_padded_sequence: lengths that don't rise, or enforce_sorted=False, got [1, 2]",
    ),
    (lambda: pack_sequence([]), ValueError, f"pad_sequence: {ALIKE}, got []"),
]


@pytest.mark.parametrize(("call", "error", "text"), REFUSED, ids=[text for _, _, text in REFUSED])
def test_refused(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text.replace(": ", ": expected ", 1)
