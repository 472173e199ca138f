"""Words, or characters, by number: what lies between a text and an embedding table. Pure Python.

    >>> words = Vocabulary(["i feel hungry .", "i feel good ."])
    >>> len(words), words.tokens[:6]
    (9, ('<PAD>', '<SOS>', '<EOS>', '<UNK>', 'i', 'feel'))
    >>> words.encode("i feel strange .")
    Encoded(indices=[4, 5, 3, 7, 2], unknown=1)
    >>> words.decode([4, 5, 3, 7, 2, 0, 0])
    'i feel <UNK> .'

The specials come first, in the order given, and then every token in the order in which it first appears.
That order needs no hash and no alphabet, and it is the course's: a table's rows are drawn one after the
other, so the course's losses come out only where each word has the course's number. For the same reason
the specials may be chosen: the course has two, ("<SOS>", "<EOS>"), numbers 0 and 1.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import expect_one_of, message

PAD, SOS, EOS, UNK = SPECIALS = ("<PAD>", "<SOS>", "<EOS>", "<UNK>")
"""Padding, start of a sentence, end of a sentence, unknown token."""


class Encoded(NamedTuple):
    """A text by numbers, and how many of its tokens the vocabulary does not know."""

    indices: list[int]
    unknown: int


class Vocabulary:
    """The tokens of `texts`: words (split at white space) or characters, behind the `specials`."""

    def __init__(self, texts: Iterable[str], level: str = "word", specials: Sequence[str] = SPECIALS) -> None:
        self.level = expect_one_of("Vocabulary", "level", level, ["word", "char"])
        if isinstance(texts, str):
            raise TypeError(message("Vocabulary", "a list of texts", "one str"))
        for special in specials:
            expect_one_of("Vocabulary", "a special", special, SPECIALS)
        if len(set(specials)) < len(specials):
            raise ValueError(message("Vocabulary", "each special once", tuple(specials)))
        self.specials = tuple(specials)
        seen = dict.fromkeys(token for text in texts for token in self.split(text))
        known = [token for token in seen if token not in SPECIALS]
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
        """The number of a special; ValueError where this vocabulary has none.

        >>> Vocabulary([], specials=("<SOS>", "<EOS>")).number("<EOS>")
        1
        """
        expect_one_of("Vocabulary", "a special", special, self.specials)
        return self._number[special]

    def encode(self, text: str, end: bool = True) -> Encoded:
        """The text by numbers, <EOS> behind it with `end`.

        An unknown token becomes <UNK>, or is left out where there is no <UNK>; it is counted in either
        case. A word that is spelled like a special is unknown too: no text can end itself.
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
        """Numbers to text: words one blank apart, or characters. <PAD>, <SOS> and <EOS> are left out."""
        tokens = []
        for index in indices:
            if not 0 <= index < len(self):
                expected = f"numbers in [0, V) = [0, {len(self)})"
                raise ValueError(message("Vocabulary", expected, int(index)))
            tokens.append(self.tokens[index])
        said = [token for token in tokens if token not in (PAD, SOS, EOS)]
        return (" " if self.level == "word" else "").join(said)


class Alphabet:
    """Characters by number, in the order given, and as one-hot vectors."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self.symbols = list(symbols)
        self.index = {symbol: number for number, symbol in enumerate(self.symbols)}

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: Sequence[str]) -> ndarray:
        """Each character's number, int64."""
        return np.array([self.index[symbol] for symbol in text], dtype=np.int64)

    def decode(self, indices: Sequence[int] | ndarray) -> str:
        """Numbers to text."""
        return "".join(self.symbols[int(i)] for i in indices)

    def one_hot(self, indices: ndarray) -> ndarray:
        """(…,) to (…, V), float64."""
        return np.eye(len(self))[indices]
