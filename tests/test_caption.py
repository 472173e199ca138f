"""The caption model of both trees against the one on torch.nn: loss, gradients, greedy spelling."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy import ndarray

import reference.caption
from scratch_rnn.numpy_bptt.models.caption import CaptionModel
from scratch_rnn.numpy_bptt.models.trainer import Trainer
from scratch_rnn.snapshot import parts_of
from scratch_rnn.torch_autograd.models import caption as torch_caption
from tests.parity import assert_close

PIXELS, CHARACTERS, EMBEDDING, HIDDEN = 4, 6, 3, 5


def make(cell: str, layers: int, engine: str = "fused") -> CaptionModel:
    sizes = PIXELS, CHARACTERS, EMBEDDING, HIDDEN, layers
    return CaptionModel(cell, *sizes, dtype=np.float64, rng=1, engine=engine)


def twins(model: CaptionModel, cell: str, layers: int, engine: str = "steps") -> list[Any]:
    sizes = PIXELS, CHARACTERS, EMBEDDING, HIDDEN, layers
    made: list[Any] = [
        torch_caption.CaptionModel(cell, *sizes, dtype=torch.float64, engine=engine),
        reference.caption.CaptionModel(cell, *sizes, dtype=torch.float64),
    ]
    for twin in made:
        assert list(twin.state_dict()) == list(model.state_dict())
        twin.load_state_dict({name: torch.tensor(array) for name, array in model.state_dict().items()})
    return made


def data(lengths: list[int], seed: int) -> tuple[ndarray, list[ndarray], list[ndarray]]:
    rng = np.random.default_rng(seed)
    tokens, target = ([rng.integers(0, CHARACTERS, n) for n in lengths] for _ in range(2))
    return rng.normal(size=(len(lengths), PIXELS)), tokens, target


@given(
    cell=st.sampled_from(["rnn", "lstm", "gru"]),
    layers=st.integers(1, 3),
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    engine=st.sampled_from(["steps", "fused"]),
    seed=st.integers(0, 99),
)
def test_loss_and_gradients(cell: str, layers: int, lengths: list[int], engine: str, seed: int) -> None:
    model, batch = make(cell, layers, engine), data(lengths, seed)
    loss, _, tape = model.loss(*batch)
    grads = model.backward(tape)
    assert list(grads) == list(model.state_dict())
    for twin in twins(model, cell, layers, engine):
        expected, _ = twin.loss(*batch)
        expected.backward()
        assert_close("loss", loss, float(expected.detach()), 1e-13)
        for name, parameter in twin.named_parameters():
            assert_close(name, grads[name], parameter.grad.numpy())
            assert parameter.grad.abs().max() > 0


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_spelling(cell: str) -> None:
    """Greedy spelling reads its own predictions: they are also the argmax when they are given as tokens."""
    model = make(cell, 2)
    images = np.random.default_rng(5).normal(size=(8, PIXELS)) * 20
    predicted, state = model.predict(images, 1, 7)
    assert predicted.shape == (8, 7)
    for twin in twins(model, cell, 2):
        tokens, last = twin.predict(images, 1, 7)
        assert np.array_equal(tokens, predicted)
        for part, other in zip(parts_of(last), parts_of(state), strict=True):
            assert_close("last state", part.numpy(), other)
    for image, row in zip(images, predicted, strict=True):
        _, _, tape = model.loss(image[None], [np.concatenate([[1], row[:-1]])], [row])
        assert np.array_equal(tape.decoder.prediction.argmax(axis=1), row)
    assert len({tuple(row) for row in predicted.tolist()}) > 1, "the image is not read"


def test_a_state_is_refused() -> None:
    """The images set the first state, so that another one would be ignored."""
    model, batch = make("gru", 1), data([2, 1], 0)
    for each in (model, *twins(model, "gru", 1)):
        assert each.loss(*batch, None)[1] is None
        with pytest.raises(ValueError, match="state"):
            each.loss(*batch, np.zeros((1, 2, HIDDEN)))


def test_a_state_dict_with_the_old_name_is_refused() -> None:
    """`image_to_state` was `first` in earlier checkpoints."""
    model = make("gru", 1)
    weights = model.state_dict()
    old = {name.replace("image_to_state", "first"): array for name, array in weights.items()}
    with pytest.raises(ValueError, match=r"^CaptionModel: .* with unknown \['first.bias', 'first.weight'\]$"):
        model.load_state_dict(old)
    work = Trainer(model, "sgd", 0.1)
    arrays = {name.replace("image_to_state", "first"): array for name, array in work.snapshot().items()}
    with pytest.raises(ValueError, match=r"^Trainer: .* 2 unknown \['weights/first.bias'\]$"):
        work.restore(arrays)


def test_a_torch_model_starts_as_torch_does() -> None:
    torch.manual_seed(3)
    ours = torch_caption.CaptionModel("gru", PIXELS, CHARACTERS, EMBEDDING, HIDDEN)
    torch.manual_seed(3)
    theirs = reference.caption.CaptionModel("gru", PIXELS, CHARACTERS, EMBEDDING, HIDDEN)
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
