"""Pairs of sentences: the course's four, or the lines of a file, filtered by length and encoded as indices.

As in the course, texts are lower-cased. The length limit includes <EOS>: with a limit of 10, sentences of 10
words and more are dropped.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import fail
from scratch_rnn.labs.inputs.files import read_tsv
from scratch_rnn.labs.inputs.vocabulary import EOS, SOS, SPECIALS, Vocabulary

COURSE = (
    ("i feel hungry.", "나는 배가 고프다."),
    ("pytorch is very easy.", "파이토치는 매우 쉽다."),
    ("pytorch is a framework for deep learning.", "파이토치는 딥러닝을 위한 프레임워크이다."),
    ("pytorch is very clear to use.", "파이토치는 사용하기 매우 직관적이다."),
)
COURSE_SPECIALS = (SOS, EOS)

Pair = tuple[str, str]


class Selected(NamedTuple):
    """The pairs of a file that are short enough, the number of the others, and what is to be said."""

    pairs: list[Pair]
    dropped: int
    notes: list[str]


class Side(NamedTuple):
    """One side of some pairs: sentences as indices, <EOS> included, and the unknown tokens of each."""

    sentences: list[ndarray]
    unknown: list[int]

    def batch(self, rows: Sequence[int] | ndarray) -> tuple[ndarray, list[int]]:
        """These rows padded with 0 to (N, T), and their N lengths."""
        chosen = [self.sentences[row] for row in rows]
        lengths = [len(sentence) for sentence in chosen]
        padded = np.zeros((len(chosen), max(lengths)), dtype=np.int64)
        for row, sentence in zip(padded, chosen, strict=True):
            row[: len(sentence)] = sentence
        return padded, lengths


def read_pairs(option: str, path: Path) -> tuple[list[Pair], list[str]]:
    """(the pairs of a file, what is to be said). A line is source TAB target, as in read_tsv with `more`."""
    rows, notes = read_tsv(option, path, ("source", "target"), more=True)
    return [(tidy(row.cells[0]), tidy(row.cells[1])) for row in rows], notes


def tidy(text: str) -> str:
    """Lower case, with one space between words."""
    return " ".join(text.lower().split())


def short(pairs: Sequence[Pair], most: Sequence[int]) -> list[Pair]:
    """The pairs with fewer than most[0] words in the source and fewer than most[1] in the target.

    >>> short([("a b", "c"), ("a", "b c")], most=(3, 2))
    [('a b', 'c')]
    """
    return [pair for pair in pairs if all(len(text.split()) < n for text, n in zip(pair, most, strict=True))]


def short_of_file(option: str, path: Path, most: Sequence[int]) -> Selected:
    """The pairs of a file that are short enough; UsageError if none is."""
    pairs, notes = read_pairs(option, path)
    selected = short(pairs, most)
    if not selected:
        expected = f"a pair of fewer than {most[0]} and fewer than {most[1]} words"
        fail(option, expected, f"none in {path}, {len(pairs)} too long")
    return Selected(selected, len(pairs) - len(selected), notes)


def vocabularies(
    pairs: Sequence[Pair], level: str, specials: Sequence[str] = SPECIALS
) -> tuple[Vocabulary, Vocabulary]:
    """The vocabularies of the sources and of the targets."""
    sources, targets = zip(*pairs, strict=True)
    return Vocabulary(sources, level, specials), Vocabulary(targets, level, specials)


def encode(vocabulary: Vocabulary, texts: Sequence[str]) -> Side:
    """Texts as indices."""
    encoded = [vocabulary.encode(text) for text in texts]
    return Side([np.array(each.indices, dtype=np.int64) for each in encoded], [e.unknown for e in encoded])
