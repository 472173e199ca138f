"""The model that spells: three times the same loss, the same words, the same gradient of every parameter."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy import ndarray

import reference.caption
from scratch_rnn.numpy_bptt.models.caption import CaptionModel
from scratch_rnn.torch_autograd.models import caption as torch_caption
from tests.parity import assert_close

TREES: list[Any] = [torch_caption.CaptionModel, reference.caption.CaptionModel]
PIXELS, CHARACTERS, EMBEDDING, HIDDEN = 4, 6, 3, 5


def make(cell: str, layers: int) -> CaptionModel:
    rng = np.random.default_rng(1)
    return CaptionModel(cell, PIXELS, CHARACTERS, EMBEDDING, HIDDEN, layers, dtype=np.float64, rng=rng)


def twins(model: CaptionModel, cell: str, layers: int) -> list[Any]:
    made = [tree(cell, PIXELS, CHARACTERS, EMBEDDING, HIDDEN, layers, dtype=torch.float64) for tree in TREES]
    for twin in made:
        assert list(twin.state_dict()) == list(model.state_dict())
        twin.load_state_dict({name: torch.tensor(array) for name, array in model.state_dict().items()})
    return made


def data(lengths: list[int], seed: int) -> tuple[ndarray, list[ndarray], list[ndarray]]:
    rng = np.random.default_rng(seed)
    words, target = ([rng.integers(0, CHARACTERS, n) for n in lengths] for _ in range(2))
    return rng.normal(size=(len(lengths), PIXELS)), words, target


@given(
    cell=st.sampled_from(["rnn", "lstm", "gru"]),
    layers=st.integers(1, 3),
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    seed=st.integers(0, 99),
)
def test_loss_and_gradients(cell: str, layers: int, lengths: list[int], seed: int) -> None:
    model, batch = make(cell, layers), data(lengths, seed)
    loss, _, tape = model.loss(*batch)
    grads = model.backward(tape)
    assert list(grads) == list(model.state_dict())
    for twin in twins(model, cell, layers):
        expected, _ = twin.loss(*batch)
        expected.backward()
        assert_close("loss", loss, float(expected.detach()), 1e-13)
        for name, parameter in twin.named_parameters():
            assert_close(name, grads[name], parameter.grad.numpy())
            assert parameter.grad.abs().max() > 0


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_spelling(cell: str) -> None:
    """Greedy spelling reads what it said: the same letters as when they are read as given words."""
    model = make(cell, 2)
    images = np.random.default_rng(5).normal(size=(8, PIXELS)) * 20
    said, _ = model.predict(images, 1, 7)
    assert said.shape == (8, 7)
    for twin in twins(model, cell, 2):
        assert np.array_equal(twin.predict(images, 1, 7)[0], said)
    for image, word in zip(images, said, strict=True):
        words = np.concatenate([[1], word[:-1]])
        _, _, tape = model.loss(image[None], [words], [word])
        assert np.array_equal(tape.decoder.prediction.argmax(axis=1), word)
    assert len({tuple(word) for word in said.tolist()}) > 1, "the image is not read"


def test_a_torch_model_starts_as_torch_does() -> None:
    torch.manual_seed(3)
    ours = torch_caption.CaptionModel("gru", PIXELS, CHARACTERS, EMBEDDING, HIDDEN)
    torch.manual_seed(3)
    theirs = reference.caption.CaptionModel("gru", PIXELS, CHARACTERS, EMBEDDING, HIDDEN)
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
