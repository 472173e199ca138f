"""What the seq2seq models of both trees ask of their callers and give back, arrays apart. Pure Python."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from scratch_rnn.checks import expect_bool, expect_int, expect_number, expect_one_of, expect_shape, message

WHO = "Seq2Seq"


class Sizes(NamedTuple):
    """All that fixes a model: its parameters, and the numbers of <SOS> and <EOS> among the target words."""

    cell: str  # "rnn", "lstm" or "gru"
    source_size: int
    target_size: int
    embedding_size: int
    hidden_size: int
    num_layers: int
    bidirectional: bool
    sos: int
    eos: int


class Decoded(NamedTuple):
    """One row's words, and what stopped it: "eos", which is not among the words, or "cap"."""

    words: list[int]
    stopped: str


def check_sizes(sizes: Sizes) -> Sizes:
    """TypeError or ValueError for a size that no model can have."""
    expect_one_of(WHO, "cell", sizes.cell, ["rnn", "lstm", "gru"])
    for what in ("source_size", "target_size", "embedding_size", "hidden_size", "num_layers"):
        expect_int(WHO, what, getattr(sizes, what), 1)
    expect_bool(WHO, "bidirectional", sizes.bidirectional)
    for what in ("sos", "eos"):
        number = expect_int(WHO, what, getattr(sizes, what), 0)
        check_range(what, number, number, sizes.target_size)
    return sizes


def check_range(what: str, least: int, most: int, size: int) -> None:
    """ValueError unless [least, most] lies within [0, V)."""
    if least < 0 or most >= size:
        expected = f"{what} to lie in [0, V) = [0, {size})"
        raise ValueError(message(WHO, expected, least if least < 0 else most))


def check_lengths(what: str, lengths: Any, shape: Sequence[int]) -> list[int]:
    """One length a row of an (N, T) array, each in [1, T]; TypeError or ValueError otherwise."""
    expect_shape(WHO, what, shape, N=None, T=None)
    rows, steps = shape
    if rows == 0:
        raise ValueError(message(WHO, f"{what} of at least one row", f"shape {tuple(shape)}"))
    counts = lengths.tolist() if hasattr(lengths, "tolist") else lengths
    if not isinstance(counts, Sequence) or len(counts) != rows:
        got = f"({len(counts)},)" if isinstance(counts, Sequence) else repr(counts)
        raise ValueError(message(WHO, f"{what}_lengths of shape (N,) = ({rows},)", got))
    for row, length in enumerate(counts):
        if not 1 <= expect_int(WHO, f"{what}_lengths", length, 0) <= steps:
            expected = f"the length of {what} row {row} to lie in [1, T] = [1, {steps}]"
            raise ValueError(message(WHO, expected, length))
    return [int(length) for length in counts]


def check_rows(sources: int, targets: int) -> None:
    """One target a source."""
    if targets != sources:
        raise ValueError(message(WHO, f"as many rows of target as of source, {sources}", targets))


def draw_teacher_forcing(ratio: float, generator: Any, steps: int) -> list[bool]:
    """For each step whether the next one reads the target's word; else it reads the model's own.

    At a ratio of 1 nothing is drawn. Below, one number a step for all rows, from generator.random():
    a numpy.random.Generator or a random.Random. A shorter batch sees the beginning of the same draws.
    """
    expect_number(WHO, "teacher_forcing", ratio, 0, 1)
    if ratio == 1:
        return [True] * steps
    if not hasattr(generator, "random"):
        expected = "a generator with random() where teacher_forcing is below 1"
        raise TypeError(message(WHO, expected, type(generator).__name__))
    return [bool(generator.random() < ratio) for _ in range(steps)]


def check_truncate(truncate: int | None) -> None:
    """None, or a number of steps."""
    if truncate is not None:
        expect_int(WHO, "truncate", truncate, 1)


def truncates_at(t: int, truncate: int | None) -> bool:
    """Whether step t takes the state before it as a constant."""
    return truncate is not None and t > 0 and t % truncate == 0


def divisor(divide_by: float | str | None, tokens: int) -> float:
    """What the summed loss is divided by: 1 for None, the number of target words, or a number."""
    if divide_by is None:
        return 1.0
    if isinstance(divide_by, str):
        expect_one_of(WHO, "divide_by", divide_by, ["tokens"])
        return float(tokens)
    number = expect_number(WHO, "divide_by", divide_by, 0, float("inf"))
    if number == 0:
        raise ValueError(message(WHO, "divide_by above 0", divide_by))
    return number


def until_eos(words: list[int], eos: int) -> Decoded:
    """What a row said before its first <EOS>.

    >>> until_eos([5, 3, 1, 3], eos=1), until_eos([5, 3], eos=1)
    (Decoded(words=[5, 3], stopped='eos'), Decoded(words=[5, 3], stopped='cap'))
    """
    if eos in words:
        return Decoded(words[: words.index(eos)], "eos")
    return Decoded(words, "cap")
