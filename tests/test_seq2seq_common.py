"""The errors of the seq2seq models, one line each, and the functions that both trees share."""

import random
from typing import Any

import numpy as np
import pytest
import torch

from scratch_rnn.numpy_bptt.models import tokens as numpy_tokens
from scratch_rnn.numpy_bptt.models.seq2seq import Seq2Seq as ByHand
from scratch_rnn.seq2seq_common import Decoded, divisor, draw_teacher_forcing, truncates_at, until_eos
from scratch_rnn.torch_autograd.models import tokens as torch_tokens
from scratch_rnn.torch_autograd.models.seq2seq import Seq2Seq as Autograd

MODELS: dict[str, Any] = {
    "numpy": ByHand("gru", 11, 9, 4, 6, sos=2, eos=5),
    "torch": Autograd("gru", 11, 9, 4, 6, sos=2, eos=5),
}
GOOD: dict[str, Any] = {
    "source": np.array([[1, 2, 3], [4, 0, 0]]),
    "source_lengths": [3, 1],
    "target": np.array([[5, 6], [7, 8]]),
    "target_lengths": [2, 2],
}
BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    (
        {"source": np.array([[1, 2, 11], [4, 0, 0]])},
        ValueError,
        "the tokens of source to lie in [0, V) = [0, 11), got 11",
    ),
    (
        {"target": np.array([[5, -1], [7, 8]])},
        ValueError,
        "the tokens of target to lie in [0, V) = [0, 9), got -1",
    ),
    (
        {"source_lengths": [3, 0]},
        ValueError,
        "the length of source row 1 to lie in [1, T] = [1, 3], got 0",
    ),
    (
        {"target_lengths": [3, 2]},
        ValueError,
        "the length of target row 0 to lie in [1, T] = [1, 2], got 3",
    ),
    ({"source_lengths": [3]}, ValueError, "source_lengths of shape (N,) = (2,), got (1,)"),
    ({"source_lengths": 3}, ValueError, "source_lengths of shape (N,) = (2,), got 3"),
    ({"source_lengths": [3, 1.5]}, TypeError, "source_lengths to be an integer, got 1.5"),
    ({"source_lengths": np.array([3.0, 1.0])}, TypeError, "source_lengths to be an integer, got 3.0"),
    ({"source": np.array([1, 2])}, ValueError, "source of shape (N, T), got (2,)"),
    (
        {"source": np.zeros((0, 3), int), "source_lengths": []},
        ValueError,
        "source of at least one row, got shape (0, 3)",
    ),
    (
        {"target": np.array([[5]]), "target_lengths": [1]},
        ValueError,
        "as many rows of target as of source, 2",
    ),
    ({"teacher_forcing": 1.5}, ValueError, "teacher_forcing to lie in [0, 1], got 1.5"),
    ({"teacher_forcing": 0.5}, TypeError, "a generator with random() where teacher_forcing is below 1"),
    ({"truncate": 0}, ValueError, "truncate to be at least 1, got 0"),
    ({"truncate": 1.5}, TypeError, "truncate to be an integer, got 1.5"),
    ({"divide_by": 0}, ValueError, "divide_by above 0, got 0"),
    ({"divide_by": -1}, ValueError, "divide_by to lie in [0, inf], got -1"),
    ({"divide_by": float("nan")}, ValueError, "divide_by to lie in [0, inf], got nan"),
    ({"divide_by": "rows"}, ValueError, "divide_by to be 'tokens', got 'rows'"),
]


@pytest.mark.parametrize("tree", MODELS)
@pytest.mark.parametrize(("change", "error", "text"), BAD, ids=lambda value: str(value)[:40])
def test_bad_batches(tree: str, change: dict[str, Any], error: type[Exception], text: str) -> None:
    MODELS[tree](**GOOD)
    with pytest.raises(error) as caught:
        MODELS[tree](**{**GOOD, **change})
    assert str(caught.value).startswith("Seq2Seq: expected ")
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("tree", MODELS)
@pytest.mark.parametrize(
    ("tokens", "got"),
    [
        (np.zeros((2, 3)), "dtype float64"),
        (np.zeros((2, 3), bool), "dtype bool"),
        (np.full((2, 3), "hi"), "dtype <U2"),
        ([[1, 2], [3, 4]], "list"),
        (None, "NoneType"),
    ],
    ids=str,
)
def test_tokens_are_integers(tree: str, tokens: Any, got: str) -> None:
    for name in ("source", "target"):
        with pytest.raises(TypeError, match=f"Seq2Seq: expected {name} to be .* of integers, got {got}"):
            MODELS[tree](**{**GOOD, name: tokens})
    with pytest.raises(TypeError, match=r"Seq2Seq: expected source to be .* of integers"):
        MODELS[tree].greedy(tokens, [2, 2], 3)


def test_torch_takes_tensors_too_and_numpy_does_not() -> None:
    tensors = {name: torch.as_tensor(value) for name, value in GOOD.items()}
    assert torch.equal(MODELS["torch"](**tensors), MODELS["torch"](**GOOD))
    with pytest.raises(TypeError, match=r"got dtype torch\.float32"):
        MODELS["torch"](**{**tensors, "source": torch.zeros(2, 3)})
    with pytest.raises(TypeError, match="got Tensor"):
        MODELS["numpy"](**tensors)


@pytest.mark.parametrize("tree", MODELS)
def test_no_state_is_carried_and_max_length_is_positive(tree: str) -> None:
    with pytest.raises(ValueError, match="no state of the previous batch, got list"):
        MODELS[tree].loss(*GOOD.values(), [1])
    with pytest.raises(ValueError, match="max_length to be at least 1, got 0"):
        MODELS[tree].greedy(GOOD["source"], GOOD["source_lengths"], 0)


def test_a_tape_fits_its_model() -> None:
    _, tape = ByHand("gru", 11, 9, 4, 7, sos=2, eos=5).forward(**GOOD)
    with pytest.raises(ValueError, match="Seq2Seq: expected a tape of Sizes"):
        MODELS["numpy"].backward(tape)


@pytest.mark.parametrize("kind", [ByHand, Autograd])
@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"cell": "mlp"}, "cell to be 'rnn' or 'lstm' or 'gru', got 'mlp'"),
        ({"hidden_size": 0}, "hidden_size to be at least 1, got 0"),
        ({"source_size": 2.5}, "source_size to be an integer, got 2.5"),
        ({"bidirectional": 1}, "bidirectional to be True or False, got 1"),
        ({"eos": 9}, "eos to lie in [0, V) = [0, 9), got 9"),
        ({"sos": -1}, "sos to be at least 0, got -1"),
    ],
    ids=str,
)
def test_bad_sizes(kind: Any, change: dict[str, Any], text: str) -> None:
    sizes = {"cell": "gru", "source_size": 11, "target_size": 9, "embedding_size": 4, "hidden_size": 6}
    with pytest.raises((TypeError, ValueError)) as caught:
        kind(**{**sizes, "sos": 2, "eos": 5, **change})
    assert str(caught.value) == f"Seq2Seq: expected {text}"


def test_teacher_forcing_draws_one_number_per_step_or_none() -> None:
    draws = [random.Random(0).random() for _ in range(1)]
    chance = random.Random(0)
    assert draw_teacher_forcing(1, chance, 5) == [True] * 5
    assert chance.random() == draws[0]
    chance, twin = random.Random(0), random.Random(0)
    long = draw_teacher_forcing(0.5, chance, 50)
    assert long == [twin.random() < 0.5 for _ in range(50)]
    assert draw_teacher_forcing(0.5, random.Random(0), 20) == long[:20]
    assert draw_teacher_forcing(0, np.random.default_rng(0), 4) == [False] * 4
    assert 10 < sum(long) < 40


def test_divisor_truncation_and_eos() -> None:
    assert (divisor(None, 7), divisor("tokens", 7), divisor(2.5, 7)) == (1, 7, 2.5)
    assert [t for t in range(8) if truncates_at(t, 3)] == [3, 6]
    assert not any(truncates_at(t, None) for t in range(8))
    assert until_eos([], 1) == Decoded([], "max_length")
    assert until_eos([1], 1) == Decoded([], "eos")


def test_padding_may_hold_anything_and_becomes_index_0() -> None:
    tokens = np.array([[3, 1, -7], [2, 99, 99]])
    expected = np.array([[3, 2], [1, 0]])
    np.testing.assert_array_equal(numpy_tokens.make_batch("source", tokens, [2, 1], 4).tokens, expected)
    found = torch_tokens.make_batch("source", tokens, [2, 1], 4, torch.device("cpu")).tokens
    np.testing.assert_array_equal(found.numpy(), expected)
