"""Checks of NumPy arrays, dtypes and random generators. All public classes of this tree use them.

The form of the messages is scratch_rnn/checks.py's, which needs no NumPy.
"""

from typing import cast

import numpy as np
from numpy import dtype, ndarray
from numpy.typing import DTypeLike

from scratch_rnn.checks import expect_int, message

Seed = np.random.Generator | int | None
"""What may be given as `rng`: a generator, a seed, or None for a generator with a new random seed."""
FloatType = dtype[np.float32] | dtype[np.float64]


def expect_plain(who: str, what: str, value: object, kinds: str = "a numpy array") -> ndarray:
    """Return `value` if it is an ndarray; TypeError otherwise.

    Subclasses (masked arrays, matrices) are refused: computing with their data alone would ignore the mask,
    or change what `*` means.
    """
    if type(value) is ndarray:
        return value
    got = type(value).__name__
    if isinstance(value, ndarray):
        got += f", a subclass of numpy.ndarray ({what} = numpy.asarray({what}) takes its data alone)"
    raise TypeError(message(who, f"{what} to be {kinds}", got))


def expect_array(
    who: str, what: str, value: object, kind: FloatType, kinds: str = "a numpy array"
) -> ndarray:
    """Return `value` if it is an ndarray of dtype `kind`; otherwise a TypeError that says how to convert."""
    array = expect_plain(who, what, value, kinds)
    if array.dtype != kind:
        cure = f"use {what}.astype(np.{kind})"
        if array.dtype in (np.float32, np.float64):
            cure += f", or {who}(..., dtype=np.{array.dtype})"
        raise TypeError(message(who, f"{what} of dtype {kind}", f"{array.dtype} ({cure})"))
    return array


def expect_float_type(who: str, kind: DTypeLike) -> FloatType:
    """Return `kind` as a dtype if it is float32 or float64; TypeError otherwise."""
    found = np.dtype(kind)
    if found not in (np.float32, np.float64):
        raise TypeError(message(who, "dtype float32 or float64", found))
    return cast(FloatType, found)


def expect_real(who: str, what: str, value: object) -> ndarray:
    """Return `value` as an array of real numbers: anything numpy.asarray takes but a subclass of ndarray.

    TypeError for complex numbers, text and objects.
    """
    if isinstance(value, ndarray):
        expect_plain(who, what, value)
    expected = f"{what} to be an array of real numbers"
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(message(who, expected, f"{type(value).__name__}: {error}")) from error
    if array.dtype.kind not in "fiu":
        raise TypeError(message(who, expected, f"dtype {array.dtype}"))
    return array


def convert(who: str, what: str, array: ndarray, kind: FloatType) -> ndarray:
    """A copy of dtype `kind`; ValueError where a finite value becomes infinite."""
    with np.errstate(over="ignore"):
        copy = np.array(array, kind)
    overflows = np.isinf(copy) & np.isfinite(array)
    if np.any(overflows):
        raise ValueError(message(who, f"{what} to fit in {kind}", f"the value {array[overflows][0]:g}"))
    return copy


def generator(who: str, rng: Seed) -> np.random.Generator:
    """`rng` itself, or a new generator with this seed; None draws the seed from the operating system.

    TypeError for anything else (a RandomState, a float), ValueError for a negative seed.
    """
    if rng is None or isinstance(rng, np.random.Generator):
        return np.random.default_rng(rng)
    if isinstance(rng, bool) or not hasattr(rng, "__index__"):
        expected = "rng to be a numpy.random.Generator, an int seed or None"
        raise TypeError(message(who, expected, type(rng).__name__))
    return np.random.default_rng(expect_int(who, "rng", rng, 0))
