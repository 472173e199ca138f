"""Every model of both trees refuses impossible arguments, with the same line in each."""

import re
from typing import Any

import pytest

from scratch_rnn.numpy_bptt import models as numpy_models
from scratch_rnn.torch_autograd import models as torch_models

TREES = {"numpy": numpy_models, "torch": torch_models}
MODELS: dict[str, dict[str, Any]] = {
    "SequenceModel": {
        "cell": "lstm",
        "input_size": 3,
        "hidden_size": 5,
        "num_layers": 2,
        "embed": 7,
        "outputs": 4,
    },
    "CaptionModel": {
        **{"cell": "lstm", "pixels": 6, "characters": 7, "embedding_size": 3, "hidden_size": 5},
        "num_layers": 2,
    },
    "Seq2Seq": {
        **{"cell": "gru", "source_size": 8, "target_size": 7, "embedding_size": 3, "hidden_size": 5},
        **{"num_layers": 2, "sos": 0, "eos": 1},
    },
}
SIZES = [
    (model, name) for model, given in MODELS.items() for name in given if name not in ("cell", "sos", "eos")
]
each_tree = pytest.mark.parametrize("tree", TREES)


@each_tree
@pytest.mark.parametrize("model", MODELS)
def test_these_arguments_are_accepted(tree: str, model: str) -> None:
    getattr(TREES[tree], model)(**MODELS[model])


@each_tree
@pytest.mark.parametrize(("model", "name"), SIZES)
@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0, ValueError, "to be at least 1, got 0"),
        (-1, ValueError, "to be at least 1, got -1"),
        (2.5, TypeError, "to be an integer, got 2.5"),
        ("3", TypeError, "to be an integer, got '3'"),
        (True, TypeError, "to be an integer, got True"),
    ],
)
def test_sizes(tree: str, model: str, name: str, value: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match="^" + re.escape(f"{model}: expected {name} {text}") + "$"):
        getattr(TREES[tree], model)(**MODELS[model] | {name: value})


@each_tree
@pytest.mark.parametrize(
    ("model", "wrong", "error", "text"),
    [
        *((m, {"cell": "mgu"}, ValueError, "cell to be 'rnn' or 'lstm' or 'gru', got 'mgu'") for m in MODELS),
        ("SequenceModel", {"last": "no"}, TypeError, "last to be True or False, got 'no'"),
        ("SequenceModel", {"last": 1}, TypeError, "last to be True or False, got 1"),
        ("Seq2Seq", {"bidirectional": 1}, TypeError, "bidirectional to be True or False, got 1"),
        ("Seq2Seq", {"eos": 7}, ValueError, "eos to lie in [0, V) = [0, 7), got 7"),
    ],
)
def test_other_arguments(
    tree: str, model: str, wrong: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match="^" + re.escape(f"{model}: expected {text}") + "$"):
        getattr(TREES[tree], model)(**MODELS[model] | wrong)


@pytest.mark.parametrize("model", MODELS)
def test_a_numpy_model_names_itself_where_the_dtype_is_wrong(model: str) -> None:
    with pytest.raises(TypeError, match=f"^{model}: expected dtype float32 or float64, got float16$"):
        getattr(numpy_models, model)(**MODELS[model], dtype="float16")


@each_tree
@pytest.mark.parametrize(
    ("settings", "error", "text"),
    [
        ({"lr": -0.1}, ValueError, "lr to lie in [0, inf], got -0.1"),
        ({"lr": float("nan")}, ValueError, "lr to lie in [0, inf], got nan"),
        ({"lr": "fast"}, TypeError, "lr to be a number, got 'fast'"),
        ({"clip": -1.0}, ValueError, "clip to lie in [0, inf], got -1.0"),
        ({"clip": True}, TypeError, "clip to be a number, got True"),
        ({"momentum": -0.5}, ValueError, "momentum to lie in [0, inf], got -0.5"),
    ],
)
def test_trainers(tree: str, settings: dict[str, Any], error: type[Exception], text: str) -> None:
    model = TREES[tree].SequenceModel(**MODELS["SequenceModel"])
    with pytest.raises(error, match="^" + re.escape(f"Trainer: expected {text}") + "$"):
        TREES[tree].Trainer(model, "sgd", **{"lr": 0.1} | settings)
