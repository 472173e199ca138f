"""Vocabularies and alphabets: order, unknown tokens, decoding, one-hot vectors."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratch_rnn.labs.inputs.vocabulary import SPECIALS, Alphabet, Vocabulary

TEXTS = ["to be or", "not to be"]


def test_tokens_stand_in_the_order_of_their_first_appearance() -> None:
    assert Vocabulary(TEXTS).tokens == (*SPECIALS, "to", "be", "or", "not")
    assert Vocabulary(["ba", "ab c"], "char").tokens == (*SPECIALS, "b", "a", " ", "c")


def test_the_courses_numbers() -> None:
    words = Vocabulary(["i feel hungry.", "pytorch is very easy."], specials=("<SOS>", "<EOS>"))
    assert words.tokens[:4] == ("<SOS>", "<EOS>", "i", "feel")
    assert (words.number("<SOS>"), words.number("<EOS>")) == (0, 1)
    assert words.encode("i feel easy.") == ([2, 3, 8, 1], 0)


def test_specials_have_numbers() -> None:
    assert [Vocabulary([]).number(special) for special in SPECIALS] == [0, 1, 2, 3]
    assert Vocabulary([], specials=("<UNK>", "<PAD>")).number("<PAD>") == 1


def test_unknown_words_are_counted_and_never_an_error() -> None:
    assert Vocabulary(TEXTS).encode("to see or not to see") == ([4, 3, 6, 7, 4, 3, 2], 2)
    assert Vocabulary(TEXTS, specials=("<SOS>", "<EOS>")).encode("to see or see") == ([2, 4, 1], 2)
    assert Vocabulary(TEXTS, "char").encode("tz", end=False) == ([4, 3], 1)
    assert Vocabulary(TEXTS).encode("") == ([2], 0)


def test_no_text_can_end_itself() -> None:
    words = Vocabulary([*TEXTS, "<EOS> <SOS>"])
    assert words.tokens == Vocabulary(TEXTS).tokens
    assert words.encode("to <EOS> be") == ([4, 3, 5, 2], 1)
    assert Vocabulary(TEXTS, specials=("<EOS>",)).encode("<EOS> <UNK> to") == ([1, 0], 2)


def test_decode_leaves_out_what_is_no_word() -> None:
    assert Vocabulary(TEXTS).decode([1, 4, 5, 3, 2, 0, 0]) == "to be <UNK>"
    assert Vocabulary(["ab c"], "char").decode([4, 6, 5, 2]) == "a b"


@given(text=st.text())
def test_round_trip(text: str) -> None:
    characters = Vocabulary([text], "char")
    assert characters.decode(characters.encode(text).indices) == text
    words = Vocabulary([text])
    encoded = words.encode(text)
    assert encoded.unknown == 0
    assert words.decode(encoded.indices) == " ".join(text.split())


@given(texts=st.lists(st.text()), text=st.text(), level=st.sampled_from(["word", "char"]))
def test_any_text_gets_numbers_of_the_table(texts: list[str], text: str, level: str) -> None:
    vocabulary = Vocabulary(texts, level)
    indices, unknown = vocabulary.encode(text)
    assert len(indices) == len(vocabulary.split(text)) + 1
    assert all(0 <= index < len(vocabulary) for index in indices)
    assert unknown == indices.count(vocabulary.number("<UNK>"))


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="Vocabulary: expected level to be 'word' or 'char', got 'line'"):
        Vocabulary(TEXTS, "line")
    with pytest.raises(ValueError, match=r"Vocabulary: expected a special to be .*, got '<CLS>'"):
        Vocabulary(TEXTS, specials=("<CLS>",))
    with pytest.raises(ValueError, match="Vocabulary: expected each special once"):
        Vocabulary(TEXTS, specials=("<EOS>", "<EOS>"))
    with pytest.raises(TypeError, match="Vocabulary: expected a list of texts, got one str"):
        Vocabulary("to be")
    with pytest.raises(TypeError, match="Vocabulary: expected a text of type str, got bytes"):
        Vocabulary(TEXTS).encode(b"to be")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"Vocabulary: expected numbers in \[0, V\) = \[0, 8\), got 8"):
        Vocabulary(TEXTS).decode([8])
    with pytest.raises(ValueError, match="Vocabulary: expected a special to be '<SOS>', got '<EOS>'"):
        Vocabulary(TEXTS, specials=("<SOS>",)).encode("to be")


def test_one_hot() -> None:
    alphabet = Alphabet("abc")
    vectors = alphabet.one_hot(alphabet.encode("cab")[None])
    assert vectors.tolist() == [[[0, 0, 1], [1, 0, 0], [0, 1, 0]]]


def test_one_hot_vectors_of_a_large_alphabet() -> None:
    tracemalloc.start()
    vectors = Alphabet([chr(n) for n in range(15_000)]).one_hot(np.array([14_999]))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (vectors.shape, vectors[0, -1], vectors.sum()) == ((1, 15_000), 1, 1)
    assert peak < 2**24
