"""What both seq2seq models share: sizes, argument checks and the decoded result. Plain Python, no arrays."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from scratch_rnn.checks import (
    expect_bool,
    expect_cell,
    expect_index_range,
    expect_int,
    expect_number,
    expect_one_of,
    expect_positive,
    expect_shape,
    message,
)


class Generator(Protocol):
    """A source of uniform numbers in [0, 1): random.Random or numpy.random.Generator."""

    def random(self) -> float:
        """The next number."""


class Sizes(NamedTuple):
    """The model's sizes, and the indices of <SOS> and <EOS> in the target vocabulary."""

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
    """The tokens predicted for one row, and why decoding stopped: "eos" or "max_length".

    <EOS> itself is not among the tokens.
    """

    tokens: list[int]
    stopped: str


def check_sizes(sizes: Sizes) -> Sizes:
    """Return `sizes` if a model can have them; TypeError or ValueError otherwise."""
    expect_cell("Seq2Seq", sizes.cell)
    names = ("source_size", "target_size", "embedding_size", "hidden_size", "num_layers")
    expect_positive("Seq2Seq", **{name: getattr(sizes, name) for name in names})
    expect_bool("Seq2Seq", "bidirectional", sizes.bidirectional)
    for what in ("sos", "eos"):
        index = expect_int("Seq2Seq", what, getattr(sizes, what), 0)
        expect_index_range("Seq2Seq", what, index, index, sizes.target_size)
    return sizes


def check_lengths(what: str, lengths: object, shape: Sequence[int]) -> list[int]:
    """The N lengths of the rows of an (N, T) array, each in [1, T]; TypeError or ValueError otherwise."""
    expect_shape("Seq2Seq", what, shape, N=None, T=None)
    rows, steps = shape
    if rows == 0:
        raise ValueError(message("Seq2Seq", f"{what} of at least one row", f"shape {tuple(shape)}"))
    counts = lengths.tolist() if hasattr(lengths, "tolist") else lengths
    if not isinstance(counts, Sequence) or len(counts) != rows:
        got = f"({len(counts)},)" if isinstance(counts, Sequence) else repr(counts)
        raise ValueError(message("Seq2Seq", f"{what}_lengths of shape (N,) = ({rows},)", got))
    for row, length in enumerate(counts):
        if not 1 <= expect_int("Seq2Seq", f"{what}_lengths", length, 0) <= steps:
            expected = f"the length of {what} row {row} to lie in [1, T] = [1, {steps}]"
            raise ValueError(message("Seq2Seq", expected, length))
    return [int(length) for length in counts]


def check_rows(sources: int, targets: int) -> None:
    """ValueError unless there are as many targets as sources."""
    if targets != sources:
        raise ValueError(message("Seq2Seq", f"as many rows of target as of source, {sources}", targets))


def check_no_state(who: str, state: object) -> None:
    """ValueError unless `state` is None: this model starts every batch from a state of its own."""
    if state is not None:
        raise ValueError(message(who, "no state of the previous batch", type(state).__name__))


def draw_teacher_forcing(ratio: float, generator: Generator | None, steps: int) -> list[bool]:
    """For each step, whether the next step reads the target token (True) or the predicted one.

    With ratio 1 nothing is drawn. Below 1, one generator.random() per step decides for all rows. A shorter
    batch uses the first of the same draws. TypeError or ValueError for a bad ratio or generator.
    """
    expect_number("Seq2Seq", "teacher_forcing", ratio, 0, 1)
    if ratio == 1:
        return [True] * steps
    if generator is None or not hasattr(generator, "random"):
        expected = "a generator with random() where teacher_forcing is below 1"
        raise TypeError(message("Seq2Seq", expected, type(generator).__name__))
    return [bool(generator.random() < ratio) for _ in range(steps)]


def check_truncate(truncate: int | None) -> None:
    """None, or a number of steps of at least 1; TypeError or ValueError otherwise."""
    if truncate is not None:
        expect_int("Seq2Seq", "truncate", truncate, 1)


def truncates_at(t: int, truncate: int | None) -> bool:
    """Whether the gradient stops at the state that step t starts from."""
    return truncate is not None and t > 0 and t % truncate == 0


def divisor(divide_by: float | str | None, tokens: int) -> float:
    """The number that divides the summed loss: 1 for None, `tokens` for "tokens", else `divide_by`."""
    if divide_by is None:
        return 1.0
    if isinstance(divide_by, str):
        expect_one_of("Seq2Seq", "divide_by", divide_by, ["tokens"])
        return float(tokens)
    number = expect_number("Seq2Seq", "divide_by", divide_by, 0, float("inf"))
    if number == 0:
        raise ValueError(message("Seq2Seq", "divide_by above 0", divide_by))
    return number


def until_eos(tokens: list[int], eos: int) -> Decoded:
    """The tokens of one row before its first <EOS>.

    >>> until_eos([5, 3, 1, 3], eos=1), until_eos([5, 3], eos=1)
    (Decoded(tokens=[5, 3], stopped='eos'), Decoded(tokens=[5, 3], stopped='max_length'))
    """
    if eos in tokens:
        return Decoded(tokens[: tokens.index(eos)], "eos")
    return Decoded(tokens, "max_length")
