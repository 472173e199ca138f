"""The form of error messages: who, what was expected (letters = numbers), what came.

    LSTM: expected input of shape (T, N, I) = (T, N, 4), got (5, 3, 7)

A letter on the right of the = may be any number. The letters are those of scratch_rnn/notation.py.
The torch twins raise torch's own texts where torch checks something on purpose
(scratch_rnn/torch_autograd/checks.py). All other messages are made here.
"""

from collections.abc import Sequence
from typing import NoReturn


class UsageError(Exception):
    """A user's mistake, as one line. The command line exits with status 2."""


class Failure(Exception):
    """A failed run, as one line. The command line exits with status 1."""


class Lost(Failure):
    """Another of the processes that train together has ended or cannot be reached."""


def message(who: str, expected: str, got: object) -> str:
    """One line: who, what was expected, what came."""
    return f"{who}: expected {expected}, got {got}"


def fail(who: str, expected: str, got: object) -> NoReturn:
    """Raise UsageError with this message."""
    raise UsageError(message(who, expected, got))


def expect_shape(who: str, what: str, shape: Sequence[int], **axes: int | None) -> None:
    """Raise ValueError unless `shape` has these axes; None lets an axis be any size.

    >>> expect_shape("LSTM", "h_0", (2, 3, 5), S=2, N=3, H=4)
    Traceback (most recent call last):
    ValueError: LSTM: expected h_0 of shape (S, N, H) = (2, 3, 4), got (2, 3, 5)
    """
    sizes = axes.values()
    if len(shape) == len(axes) and all(b in (None, a) for a, b in zip(shape, sizes, strict=True)):
        return
    expected = ", ".join(letter if size is None else str(size) for letter, size in axes.items())
    comma = "," if len(axes) == 1 else ""
    letters = f"({', '.join(axes)}{comma})"
    equals = "" if all(size is None for size in sizes) else f" = ({expected}{comma})"
    raise ValueError(message(who, f"{what} of shape {letters}{equals}", tuple(shape)))


def expect_equal_shape(who: str, what: str, shape: Sequence[int], got: Sequence[int]) -> None:
    """Raise ValueError unless both are the same."""
    if tuple(got) != tuple(shape):
        raise ValueError(message(who, f"{what} of shape {tuple(shape)}", tuple(got)))


def expect_int(who: str, what: str, value: object, least: int) -> int:
    """Return `value` as an int of at least `least`; TypeError or ValueError otherwise.

    >>> expect_int("GRU", "hidden_size", 0, 1)
    Traceback (most recent call last):
    ValueError: GRU: expected hidden_size to be at least 1, got 0
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(message(who, f"{what} to be an integer", repr(value)))
    number = int(value.__index__())
    if number < least:
        raise ValueError(message(who, f"{what} to be at least {least}", number))
    return number


def expect_positive(who: str, **sizes: object) -> None:
    """Raise TypeError or ValueError unless each size is an integer of at least 1."""
    for what, value in sizes.items():
        expect_int(who, what, value, 1)


def expect_cell(who: str, cell: object) -> str:
    """Return `cell` if it is the name of a cell; ValueError otherwise."""
    return expect_one_of(who, "cell", cell, ["rnn", "lstm", "gru"])


def expect_index_range(who: str, what: str, least: int, most: int, size: int) -> None:
    """Raise ValueError unless indices from `least` to `most` all lie in [0, V).

    >>> expect_index_range("Seq2Seq", "eos", 9, 9, 9)
    Traceback (most recent call last):
    ValueError: Seq2Seq: expected eos to lie in [0, V) = [0, 9), got 9
    """
    if least < 0 or most >= size:
        expected = f"{what} to lie in [0, V) = [0, {size})"
        raise ValueError(message(who, expected, least if least < 0 else most))


def expect_bool(who: str, what: str, value: object) -> bool:
    """Return `value` if it is True or False; TypeError otherwise."""
    if not isinstance(value, bool):
        raise TypeError(message(who, f"{what} to be True or False", repr(value)))
    return value


def expect_number(who: str, what: str, value: object, least: float, most: float) -> float:
    """Return `value` as a float in [least, most]; TypeError or ValueError otherwise."""
    if isinstance(value, bool) or not (hasattr(value, "__float__") or hasattr(value, "__index__")):
        raise TypeError(message(who, f"{what} to be a number", repr(value)))
    number = float(value)  # type: ignore[arg-type]
    if not least <= number <= most:
        raise ValueError(message(who, f"{what} to lie in [{least:g}, {most:g}]", number))
    return number


def expect_one_of(who: str, what: str, value: object, choices: Sequence[str]) -> str:
    """Return `value` if it is one of `choices`; ValueError otherwise."""
    if value not in choices:
        names = " or ".join(repr(choice) for choice in choices)
        raise ValueError(message(who, f"{what} to be {names}", repr(value)))
    return str(value)
