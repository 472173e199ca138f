"""What packed.py refuses. The torch twin of this file refuses the same, with torch's types and texts.

Axes (scratch_rnn/notation.py): T time, N sequences, R rows; `*` is any further axes.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from numbers import Number
from typing import Any

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import expect_int, message
from scratch_rnn.numpy_bptt.checks import expect_plain


def integers(who: str, what: str, value: object) -> ndarray:
    """`value` as int64 with one axis; TypeError for other types (bool and float among them)."""
    if isinstance(value, ndarray):
        expect_plain(who, what, value)
    expected = f"{what} to be integers"
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise TypeError(message(who, expected, repr(value))) from error
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(message(who, expected, array.dtype))
    if array.ndim != 1:
        raise ValueError(message(who, f"{what} to have one axis", f"shape {array.shape}"))
    return array.astype(np.int64)


def with_axes(who: str, what: str, value: object, shape: str) -> ndarray:
    """An array of at least as many axes as `shape` has letters, for instance "(T, N, *)"."""
    array = expect_plain(who, what, value)
    if array.ndim < shape.count(","):
        raise ValueError(message(who, f"{what} of shape {shape}", array.shape))
    return array


def batch_sizes(sizes: Sequence[int], data: object) -> None:
    """Sizes that never increase, are at least 1, and add up to the R rows of data (R, *)."""
    rows = len(with_axes("PackedSequence", "data", data, "(R, *)"))
    falling = all(a >= b for a, b in pairwise(sizes))
    if not sizes or not falling or sizes[-1] < 1 or sum(sizes) != rows:
        expected = f"batch_sizes that fall, stay above 0 and add up to R = {rows} rows of data"
        raise ValueError(message("PackedSequence", expected, list(sizes)))


def permutation(order: object) -> ndarray:
    """Each of 0 to N-1 once."""
    who = "invert_permutation"
    array = integers(who, "the permutation", expect_plain(who, "the permutation", order))
    if not np.array_equal(np.sort(array), np.arange(array.size)):
        raise ValueError(message(who, f"each of 0 to {array.size - 1} once", array.tolist()))
    return array


def inverses(order: object, inverse: object, rows: int) -> None:
    """Two permutations of N sequences, each the other's inverse; or both None."""
    if order is None and inverse is None:
        return
    p, q = ([] if each is None else permutation(each).tolist() for each in (order, inverse))
    if not len(p) == len(q) == rows or [p[i] for i in q] != list(range(rows)):
        expected = f"sorted_indices and unsorted_indices of N = {rows} sequences, each the other's inverse"
        raise ValueError(message("PackedSequence", expected, f"{p or None} and {q or None}"))


def time_major(who: str, padded: object, batch_first: bool) -> ndarray:
    """The padded batch as (T, N, *)."""
    shape = "(N, T, *)" if batch_first else "(T, N, *)"
    array = with_axes(who, "the padded batch", padded, shape)
    return array.swapaxes(0, 1) if batch_first else array


def lengths(who: str, lengths: object, shape: tuple[int, ...], least: int) -> ndarray:
    """Lengths as int64 (N,), each within [least, T]; `shape` is (T, N)."""
    steps, rows = shape
    array = integers(who, "lengths", lengths)
    if array.shape != (rows,):
        raise ValueError(message(who, f"lengths of shape (N,) = ({rows},)", array.shape))
    if rows == 0 or steps == 0:
        raise ValueError(message(who, "at least one row and one step", f"T = {steps}, N = {rows}"))
    for row, length in enumerate(array.tolist()):
        if not least <= length <= steps:
            expected = f"the length of row {row} to lie in [{least}, T] = [{least}, {steps}]"
            raise ValueError(message(who, expected, length))
    return array


def packed(who: str, sequence: Any) -> None:
    """A PackedSequence of this tree whose sizes fit its data (`_replace` checks nothing)."""
    sizes = getattr(sequence, "batch_sizes", None)
    if not isinstance(sizes, ndarray):
        raise TypeError(message(who, "a numpy PackedSequence", type(sequence).__name__))
    batch_sizes(sizes.tolist(), sequence.data)


def gradient(who: str, steps: ndarray, sequence: Any) -> None:
    """A gradient (T, N, *) of the padded `sequence`: its shape, T at least its number of steps."""
    longest, axes = len(sequence.batch_sizes), [int(sequence.batch_sizes[0]), *sequence.data.shape[1:]]
    if len(steps) < longest or list(steps.shape[1:]) != axes:
        shape = ", ".join(map(str, axes))
        expected = f"a gradient of shape (T, N, *) = (T, {shape}), T at least {longest}"
        raise ValueError(message(who, expected, steps.shape))


def total_length(who: str, total: object, longest: int) -> int:
    """T as an integer of at least the longest length; None is the longest length."""
    return longest if total is None else expect_int(who, "total_length", total, longest)


def padding_value(who: str, value: object, dtype: np.dtype[Any]) -> None:
    """A number that `dtype` can hold: no fraction among integers, nothing that becomes infinite.

    Arrays of text and of objects have no such check.
    """
    if dtype.kind not in "biufc":
        return
    if not isinstance(value, Number | np.bool_):
        raise TypeError(message(who, "padding_value to be a number", repr(value)))
    try:
        with np.errstate(over="ignore"):
            fits = _fits(value, dtype)
    except (TypeError, ValueError, OverflowError):
        fits = False
    if not fits:
        raise ValueError(message(who, f"padding_value to be a number that {dtype} can hold", value))


def _fits(value: Any, dtype: np.dtype[Any]) -> bool:
    if dtype.kind == "b":
        return value in (0, 1)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return int(value) == value and limits.min <= value <= limits.max
    return bool(np.isfinite(dtype.type(value)) or not np.isfinite(value))


def sequences(who: str, sequences: object) -> list[ndarray]:
    """A list of at least one array (length, *), all with the same axes after the length."""
    if not isinstance(sequences, Iterable):
        raise TypeError(message(who, "an iterable of numpy arrays", type(sequences).__name__))
    arrays = [expect_plain(who, f"sequences[{n}]", each) for n, each in enumerate(sequences)]
    shapes = {array.shape[1:] if array.ndim else None for array in arrays}
    if len(shapes) != 1 or None in shapes:
        expected = "at least one sequence (length, *), with the same axes after the length"
        raise ValueError(message(who, expected, [array.shape for array in arrays]))
    return arrays


def half(who: str, rows: ndarray) -> int:
    """Where the backward direction begins in the last axis of (N, *, 2·P)."""
    if rows.ndim < 2 or rows.shape[-1] % 2:
        raise ValueError(message(who, "an output of two directions, (N, *, 2·P)", rows.shape))
    return rows.shape[-1] // 2
