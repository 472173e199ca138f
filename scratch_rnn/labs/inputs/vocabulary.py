"""Words or characters as indices into an embedding table.

    >>> words = Vocabulary(["i feel hungry .", "i feel good ."])
    >>> len(words), words.tokens[:6]
    (9, ('<PAD>', '<SOS>', '<EOS>', '<UNK>', 'i', 'feel'))
    >>> words.encode("i feel strange .")
    Encoded(indices=[4, 5, 3, 7, 2], unknown=1)
    >>> words.decode([4, 5, 3, 7, 2, 0, 0])
    'i feel <UNK> .'

The specials come first, in the order given, followed by every token in the order of its first appearance.
This is the course's order, and it does not depend on a hash seed. It matters: the rows of the embedding table
are drawn in order, so a run gives the course's losses only if each word has the course's index. For the same
reason the specials are an argument: the course has two, ("<SOS>", "<EOS>"), indices 0 and 1.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import expect_one_of, message

PAD, SOS, EOS, UNK = SPECIALS = ("<PAD>", "<SOS>", "<EOS>", "<UNK>")
"""Padding, start of a sentence, end of a sentence, unknown token."""


class Encoded(NamedTuple):
    """A text as indices, and the number of its unknown tokens."""

    indices: list[int]
    unknown: int


class Vocabulary:
    """The tokens of `texts`: words (split at white space) or characters, after the `specials`.

    Tokens that occur fewer than `min_count` times are left out.
    """

    def __init__(
        self,
        texts: Iterable[str],
        level: str = "word",
        specials: Sequence[str] = SPECIALS,
        min_count: int = 1,
    ) -> None:
        self.level = expect_one_of("Vocabulary", "level", level, ["word", "char"])
        if isinstance(texts, str):
            raise TypeError(message("Vocabulary", "a list of texts", "one str"))
        for special in specials:
            expect_one_of("Vocabulary", "a special", special, SPECIALS)
        if len(set(specials)) < len(specials):
            raise ValueError(message("Vocabulary", "each special once", tuple(specials)))
        self.specials = tuple(specials)
        seen = Counter(token for text in texts for token in self.split(text))
        known = [token for token, count in seen.items() if count >= min_count and token not in SPECIALS]
        self.tokens = (*self.specials, *known)
        self._number = {token: number for number, token in enumerate(self.tokens)}

    def __len__(self) -> int:
        return len(self.tokens)

    def split(self, text: str) -> list[str]:
        """The tokens of a text."""
        if not isinstance(text, str):
            raise TypeError(message("Vocabulary", "a text of type str", type(text).__name__))
        return text.split() if self.level == "word" else list(text)

    def number(self, special: str) -> int:
        """The index of a special; ValueError if the vocabulary does not have it.

        >>> Vocabulary([], specials=("<SOS>", "<EOS>")).number("<EOS>")
        1
        """
        expect_one_of("Vocabulary", "a special", special, self.specials)
        return self._number[special]

    def encode(self, text: str, end: bool = True) -> Encoded:
        """The text as indices, followed by <EOS> with `end`.

        An unknown token becomes <UNK>, or is skipped if the vocabulary has no <UNK>; it is counted in both
        cases. A word that is spelled like a special counts as unknown, so that no text can contain <EOS>.
        """
        tokens = self.split(text)
        known = [token in self._number and token not in SPECIALS for token in tokens]
        if UNK in self.specials:
            tokens = [token if knows else UNK for token, knows in zip(tokens, known, strict=True)]
        else:
            tokens = [token for token, knows in zip(tokens, known, strict=True) if knows]
        indices = [self._number[token] for token in tokens]
        return Encoded(indices + [self.number(EOS)] * end, known.count(False))

    def decode(self, indices: Iterable[int]) -> str:
        """Indices to text: words joined by spaces, or characters. <PAD>, <SOS> and <EOS> are skipped."""
        tokens = []
        for index in indices:
            if not 0 <= index < len(self):
                expected = f"numbers in [0, V) = [0, {len(self)})"
                raise ValueError(message("Vocabulary", expected, int(index)))
            tokens.append(self.tokens[index])
        visible = [token for token in tokens if token not in (PAD, SOS, EOS)]
        return (" " if self.level == "word" else "").join(visible)


class Alphabet:
    """Characters as indices, in the order given, and as one-hot vectors."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self.symbols = list(symbols)
        self.index = {symbol: number for number, symbol in enumerate(self.symbols)}

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: Sequence[str]) -> ndarray:
        """The index of each character, int64."""
        return np.array([self.index[symbol] for symbol in text], dtype=np.int64)

    def decode(self, indices: Sequence[int] | ndarray) -> str:
        """Indices to text."""
        return "".join(self.symbols[int(i)] for i in indices)

    def one_hot(self, indices: ndarray) -> ndarray:
        """(…,) to (…, V), float64."""
        vectors = np.zeros((*indices.shape, len(self)))
        np.put_along_axis(vectors, indices[..., None], 1, axis=-1)
        return vectors
