"""Every model in float32 with float64 input; and no array is shared between a model and its caller."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy import ndarray

import reference
from scratch_rnn.numpy_bptt import models as numpy_models
from scratch_rnn.torch_autograd import models as torch_models

TREES = {"numpy": numpy_models, "torch": torch_models, "reference": reference}
RNG = np.random.default_rng(0)
TOKENS = [RNG.integers(0, 7, n) for n in (2, 4, 3)]
PADDED = np.stack([np.resize(row, 4) for row in TOKENS])

MODELS: dict[str, tuple[Callable[[Any], Any], tuple[Any, ...]]] = {
    "classes": (
        lambda tree: tree.SequenceModel("lstm", 3, 5, 2, outputs=7),
        (RNG.normal(size=(3, 4, 3)), RNG.integers(0, 7, (3, 4))),
    ),
    "regression": (
        lambda tree: tree.SequenceModel("gru", 3, 5, outputs=2, last=True, loss="squared_error"),
        ([RNG.normal(size=(n, 3)) for n in (2, 4, 3)], RNG.normal(size=(3, 2))),
    ),
    "caption": (
        lambda tree: tree.CaptionModel("lstm", 6, 7, 3, 5, 2),
        (RNG.normal(size=(3, 6)), TOKENS, TOKENS),
    ),
    "seq2seq": (
        lambda tree: tree.Seq2Seq("lstm", 8, 7, 3, 5, 2, bidirectional=True, sos=0, eos=1),
        (PADDED, [2, 4, 3], PADDED, [2, 4, 3], 1.0, None, "tokens"),
    ),
}
"""How a model is made in its default dtype, and a float64 batch."""


def floats(model: Any) -> dict[str, ndarray]:
    return {name: np.asarray(value) for name, value in model.state_dict().items()}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("tree", TREES)
def test_float32_with_float64_input(tree: str, name: str) -> None:
    make, batch = MODELS[name]
    model = make(TREES[tree])
    trainer = TREES[tree].Trainer(model, "adam", 0.01, 1.0)
    losses = [trainer.step(*batch) for _ in range(3)]
    assert losses[2] < losses[0]
    assert {array.dtype for array in floats(model).values()} == {np.dtype(np.float32)}
    moments = [array for key, array in trainer.snapshot().items() if key.startswith("optimizer/m")]
    assert {array.dtype for array in moments} == {np.dtype(np.float32)}
    if name == "seq2seq":
        return
    inputs = (batch[0], 1, 3) if name == "caption" else batch[:1]
    prediction, state = model.predict(*inputs)
    assert prediction.dtype == (np.int64 if name == "caption" else np.float32)
    parts = state if isinstance(state, tuple) else (state,)
    assert {str(part.dtype).removeprefix("torch.") for part in parts} == {"float32"}


@pytest.mark.parametrize("name", MODELS)
def test_numpy_gradients_are_float32(name: str) -> None:
    make, batch = MODELS[name]
    model = make(numpy_models)
    loss, _, tape = model.loss(*batch, None)
    assert isinstance(loss, float)
    assert {d.dtype for d in model.backward(tape).values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", MODELS)
def test_a_state_dict_and_loaded_arrays_are_copies(name: str) -> None:
    make, batch = MODELS[name]
    model = make(numpy_models)
    before = model.loss(*batch, None)[0]
    for array in model.state_dict().values():
        array.fill(7)
    assert model.loss(*batch, None)[0] == before
    given = {key: 2 * array for key, array in model.state_dict().items()}
    model.load_state_dict(given)
    loaded = model.loss(*batch, None)[0]
    assert loaded != before
    for array in given.values():
        array.fill(7)
    assert model.loss(*batch, None)[0] == loaded


@pytest.mark.parametrize("name", MODELS)
def test_models_without_a_seed_differ(name: str) -> None:
    first, second = (floats(MODELS[name][0](numpy_models)) for _ in range(2))
    assert all(np.any(array != second[key]) for key, array in first.items())


@pytest.mark.parametrize("name", MODELS)
def test_a_tape_keeps_the_weights_and_inputs_of_its_forward_pass(name: str) -> None:
    make, batch = MODELS[name]
    model = make(numpy_models)
    expected = model.backward(model.loss(*batch, None)[2])
    copies = tuple(np.array(part) if isinstance(part, ndarray) else part for part in batch)
    _, _, tape = model.loss(*copies, None)
    model.load_state_dict({key: array + 1 for key, array in model.state_dict().items()})
    for part in copies:
        if isinstance(part, ndarray):
            part[...] = 0
    for key, d in model.backward(tape).items():
        assert np.array_equal(d, expected[key]), key


@pytest.mark.parametrize("name", MODELS)
def test_both_torch_models_draw_the_same_weights(name: str) -> None:
    make, _ = MODELS[name]
    drawn = []
    for tree in (torch_models, reference):
        torch.manual_seed(3)
        drawn.append(make(tree).state_dict())
    assert list(drawn[0]) == list(drawn[1])
    assert all(torch.equal(drawn[0][key], drawn[1][key]) for key in drawn[1])
