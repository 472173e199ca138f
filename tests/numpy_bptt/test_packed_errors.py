"""What NumPy packing refuses: the type and the whole text, once for each."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from scratch_rnn.numpy_bptt import (
    PackedSequence,
    invert_permutation,
    last_step,
    pack_padded_sequence,
    pack_sequence,
    packed,
    pad_packed_sequence,
    pad_sequence,
    unpad_sequence,
)

FULL, PACKED = np.ones((4, 3, 2)), pack_padded_sequence(np.ones((4, 3, 2)), [4, 2, 1])
SIZES_OF_7 = "batch_sizes that fall, stay above 0 and add up to R = 7 rows of data"
GRADIENT = "a gradient of shape (T, N, *) = (T, 3, 2), T at least 4"
ALIKE = "at least one sequence (length, *), with the same axes after the length"
INVERSES = "sorted_indices and unsorted_indices of N = 2 sequences, each the other's inverse"
MASKED = np.ma.masked_array(np.ones(3), [True, False, False])
SUBCLASS = "to be a numpy array, got MaskedArray, a subclass of numpy.ndarray"
UNSIGNED, FULL_32 = np.ones((4, 3), np.uint8), FULL.astype(np.float32)
IN_UINT8 = "pad_sequence: padding_value to be a number that uint8 can hold"
IN_FLOAT32 = "pad_packed_sequence: padding_value to be a number that float32 can hold"
HUGE: float = 10**400  # an int that no float can hold
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
    *(
        (
            lambda value=value: pad_sequence(UNSIGNED, padding_value=value),
            ValueError,
            f"{IN_UINT8}, got {value}",
        )
        for value in (300, -1, 0.5, np.nan, np.inf, 1j)
    ),
    *(
        (
            lambda value=value: pad_packed_sequence(pack_sequence([FULL_32]), padding_value=value),
            ValueError,
            f"{IN_FLOAT32}, got {value}",
        )
        for value in (1e39, -1e39, np.float64(1e39), HUGE, 1j)
    ),
    (
        lambda: pad_sequence([np.array([True])], padding_value=2),
        ValueError,
        "pad_sequence: padding_value to be a number that bool can hold, got 2",
    ),
    (
        lambda: pad_sequence([FULL], padding_value="0"),  # type: ignore[arg-type]
        TypeError,
        "pad_sequence: padding_value to be a number, got '0'",
    ),
    (
        lambda: pad_packed_sequence(PACKED, total_length=6.5),  # type: ignore[arg-type]
        TypeError,
        "pad_packed_sequence: total_length to be an integer, got 6.5",
    ),
    (
        lambda: pad_packed_sequence(PACKED, total_length=True),
        TypeError,
        "pad_packed_sequence: total_length to be an integer, got True",
    ),
    (
        lambda: packed.unpad_sequence_backward([np.ones(2), np.ones(5)], 4),
        ValueError,
        "unpad_sequence_backward: total_length to be at least 5, got 4",
    ),
    (
        lambda: pad_packed_sequence(tuple(PACKED)),  # type: ignore[arg-type]
        TypeError,
        "pad_packed_sequence: a numpy PackedSequence, got tuple",
    ),
    (
        lambda: pad_packed_sequence(PACKED._replace(data=np.ones((9, 2)))),
        ValueError,
        f"PackedSequence: {SIZES_OF_7.replace('7', '9')}, got [3, 2, 1, 1]",
    ),
    (
        lambda: pack_padded_sequence([[1.0]], [1]),  # type: ignore[arg-type]
        TypeError,
        "pack_padded_sequence: the padded batch to be a numpy array, got list",
    ),
    (
        lambda: pack_padded_sequence(np.ones(3), [1]),
        ValueError,
        "pack_padded_sequence: the padded batch of shape (T, N, *), got (3,)",
    ),
    (
        lambda: unpad_sequence((np.ones(3),), [1], True),  # type: ignore[arg-type]
        TypeError,
        "unpad_sequence: the padded batch to be a numpy array, got tuple",
    ),
    (
        lambda: pad_sequence([np.ones(2), [1.0]]),  # type: ignore[list-item]
        TypeError,
        "pad_sequence: sequences[1] to be a numpy array, got list",
    ),
    (lambda: pad_sequence(5), TypeError, "pad_sequence: an iterable of numpy arrays, got int"),  # type: ignore[arg-type]
    (
        lambda: PackedSequence([1.0, 2.0], [2]),  # type: ignore[arg-type]
        TypeError,
        "PackedSequence: data to be a numpy array, got list",
    ),
    (
        lambda: PackedSequence(np.array(1.0), [1]),
        ValueError,
        "PackedSequence: data of shape (R, *), got ()",
    ),
    (
        lambda: PackedSequence(np.ones(3), [2.5, 1]),  # type: ignore[list-item]
        TypeError,
        "PackedSequence: batch_sizes to be integers, got float64",
    ),
    (
        lambda: PackedSequence(np.ones(3), np.array([[2, 1]])),
        ValueError,
        "PackedSequence: batch_sizes to have one axis, got shape (1, 2)",
    ),
    (
        lambda: PackedSequence(np.ones(3), [2, 1], [1, 0]),  # type: ignore[arg-type]
        TypeError,
        "invert_permutation: the permutation to be a numpy array, got list",
    ),
    (
        lambda: pack_padded_sequence(FULL, np.ma.masked_array([4, 2, 1])),
        TypeError,
        "pack_padded_sequence: lengths to be a numpy array, got MaskedArray, a subclass of numpy.ndarray "
        "(lengths = numpy.asarray(lengths) takes its data alone)",
    ),
    (
        lambda: pack_padded_sequence(FULL, 4),  # type: ignore[arg-type]
        ValueError,
        "pack_padded_sequence: lengths to have one axis, got shape ()",
    ),
    (
        lambda: invert_permutation(np.array([0.0, 1])),
        TypeError,
        "invert_permutation: the permutation to be integers, got float64",
    ),
    (
        lambda: pack_padded_sequence(FULL, [True, True, True]),
        TypeError,
        "pack_padded_sequence: lengths to be integers, got bool",
    ),
    (
        lambda: pack_padded_sequence(FULL, [4, [2], 1]),  # type: ignore[list-item]
        TypeError,
        "pack_padded_sequence: lengths to be integers, got [4, [2], 1]",
    ),
    (
        lambda: unpad_sequence(FULL, [4, -1, 1]),
        ValueError,
        "unpad_sequence: the length of row 1 to lie in [0, T] = [0, 4], got -1",
    ),
    (
        lambda: packed.pad_packed_sequence_backward(np.ones((4, 4, 2)), PACKED),
        ValueError,
        f"pad_packed_sequence_backward: {GRADIENT}, got (4, 4, 2)",
    ),
    (
        lambda: packed.pad_packed_sequence_backward(np.ones((3, 3, 2)), PACKED),
        ValueError,
        f"pad_packed_sequence_backward: {GRADIENT}, got (3, 3, 2)",
    ),
    (
        lambda: packed.pad_packed_sequence_backward(np.ones((4, 3, 5)), PACKED),
        ValueError,
        f"pad_packed_sequence_backward: {GRADIENT}, got (4, 3, 5)",
    ),
    (
        lambda: packed.pad_sequence_backward(FULL, [4, 2, 1], padding_side="up"),
        ValueError,
        "pad_sequence_backward: padding_side to be 'right' or 'left', got 'up'",
    ),
    (
        lambda: packed.pad_sequence_backward([[1.0]], [1], padding_side="left"),  # type: ignore[arg-type]
        TypeError,
        "pad_sequence_backward: the padded batch to be a numpy array, got list",
    ),
    (
        lambda: packed.unpad_sequence_backward([], 3),
        ValueError,
        f"unpad_sequence_backward: {ALIKE}, got []",
    ),
    (
        lambda: packed.last_step_backward([[1.0]], PACKED),  # type: ignore[arg-type]
        TypeError,
        "last_step_backward: d_last to be a numpy array, got list",
    ),
    (
        lambda: packed.last_step_backward(np.ones((3, 2)), PACKED, "no"),  # type: ignore[arg-type]
        TypeError,
        "last_step_backward: bidirectional to be True or False, got 'no'",
    ),
    (
        lambda: packed.last_step_backward(np.ones((1, 2)), PACKED),
        ValueError,
        "last_step_backward: d_last of shape (3, 2), got (1, 2)",
    ),
    (
        lambda: last_step(PACKED, "no"),  # type: ignore[arg-type]
        TypeError,
        "last_step: bidirectional to be True or False, got 'no'",
    ),
    (
        lambda: last_step(pack_sequence([np.ones((4, 3))]), bidirectional=True),
        ValueError,
        "last_step: an output of two directions, (N, *, 2·P), got (1, 3)",
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
        "pad_packed_sequence: total_length to be at least 4, got 3",
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
    (lambda: pack_sequence([]), ValueError, f"pack_sequence: {ALIKE}, got []"),
]


@pytest.mark.parametrize(("call", "error", "text"), REFUSED, ids=[text for _, _, text in REFUSED])
def test_refused(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text.replace(": ", ": expected ", 1)
