"""Training steps of the three implementations: loss, clipping, update, carried state."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy import ndarray

import reference.sequence
import reference.trainer
from scratch_rnn.numpy_bptt import models as numpy_models
from scratch_rnn.numpy_bptt.models import sequence as numpy_model
from scratch_rnn.numpy_bptt.models import trainer as numpy_trainer
from scratch_rnn.parity.seq2seq import Case, make_model
from scratch_rnn.torch_autograd import models as torch_models
from scratch_rnn.torch_autograd.models import sequence as torch_model
from scratch_rnn.torch_autograd.models import trainer as torch_trainer
from tests.parity import assert_close

TREES: dict[str, tuple[Any, Any]] = {
    "numpy": (numpy_model, numpy_trainer),
    "torch": (torch_model, torch_trainer),
    "reference": (reference.sequence, reference.trainer),
}
Rule = tuple[str, float, float | None, float]
RULES: list[Rule] = [
    ("adam", 0.01, None, 0),
    ("sgd", 0.5, None, 0),
    ("adam", 0.01, 0.1, 0),
    ("sgd", 0.5, 0.05, 0),
    ("sgd", 0.1, None, 0.9),
]
"""Optimiser, learning rate, clipping norm and momentum."""


def make(
    tree: str,
    optimizer: str = "adam",
    lr: float = 0.01,
    clip: float | None = None,
    momentum: float = 0.0,
    cell: str = "lstm",
) -> Any:
    """A trainer of a model with the same weights in each tree."""
    model, trainer = TREES[tree]
    first = numpy_model.SequenceModel(
        cell, 3, 4, 2, embed=6, outputs=6, dtype=np.float64, rng=np.random.default_rng(0)
    )
    if tree == "numpy":
        made: Any = first
    else:
        made = model.SequenceModel(cell, 3, 4, 2, embed=6, outputs=6, dtype=torch.float64)
        made.load_state_dict({name: torch.tensor(array) for name, array in first.state_dict().items()})
    return trainer.Trainer(made, optimizer, lr, clip, momentum)


def batch(step: int) -> tuple[ndarray, ndarray]:
    rng = np.random.default_rng(step)
    return rng.integers(0, 6, (5, 7)), rng.integers(0, 6, (5, 7))


def curve(trainer: Any, steps: range) -> list[float]:
    return [trainer.step(*batch(step), reset_state=step % 4 == 0) for step in steps]


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_one_curve(rule: Rule, cell: str) -> None:
    curves = [curve(make(tree, *rule, cell=cell), range(30)) for tree in TREES]
    assert curves[0][0] != curves[0][-1]
    for other in curves[1:]:
        np.testing.assert_allclose(other, curves[0], rtol=1e-11)


@pytest.mark.parametrize("tree", TREES)
def test_clipping_changes_the_update(tree: str) -> None:
    free, clipped = make(tree, "sgd", 0.5), make(tree, "sgd", 0.5, 0.01)
    assert curve(free, range(1)) == curve(clipped, range(1))
    assert curve(free, range(1, 2)) != curve(clipped, range(1, 2))
    before = make(tree).model.state_dict()
    after = clipped.model.state_dict()
    moved = [np.asarray(after[name]) - np.asarray(before[name]) for name in before]
    # Two updates of norm lr · clip at most.
    assert 0 < np.sqrt(sum((part**2).sum() for part in moved)) <= 2 * 0.5 * 0.01 + 1e-12


@pytest.mark.parametrize("tree", TREES)
def test_the_state_is_carried_and_detached(tree: str) -> None:
    """The second step starts from the state of the first; its gradient stops there."""
    trainer = make(tree, "sgd", 0.5)
    trainer.step(*batch(0))
    carried = trainer.state
    weights = {k: np.asarray(array).copy() for k, array in trainer.model.state_dict().items()}
    loss = trainer.step(*batch(1), reset_state=False)
    assert loss != make_at(weights).step(*batch(1))
    alone = make_at(weights)
    alone.state = tuple(torch.tensor(np.asarray(part)) for part in carried)
    assert loss == pytest.approx(alone.step(*batch(1), reset_state=False), rel=1e-14)
    for name, array in alone.model.state_dict().items():
        assert_close(name, np.asarray(trainer.model.state_dict()[name]), array.numpy(), 1e-13)


def make_at(weights: dict[str, ndarray]) -> Any:
    """The oracle's trainer, with these weights."""
    made = make("reference", "sgd", 0.5)
    made.model.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
    return made


@pytest.mark.parametrize("tree", TREES)
def test_parameters(tree: str) -> None:
    trainer = make(tree)
    assert trainer.parameters() == 6 * 3 + 16 * (3 + 4 + 2) + 16 * (4 + 4 + 2) + 6 * 5


@pytest.mark.parametrize("tree", ["numpy", "torch"])
def test_refused_optimizers(tree: str) -> None:
    with pytest.raises(ValueError, match="Trainer: expected optimizer to be 'adam' or 'sgd', got 'lion'"):
        make(tree, "lion")
    with pytest.raises(ValueError, match=r"Trainer: expected no momentum with adam, got 0\.5"):
        make(tree, "adam", momentum=0.5)


def test_every_model_satisfies_the_protocol() -> None:
    """The annotations let mypy check it. Models that carry no state say so."""
    ours: list[numpy_trainer.Model] = [
        numpy_models.SequenceModel("lstm", 2, 3, 4, outputs=2),
        numpy_models.CaptionModel("lstm", 4, 5, 2, 3),
        numpy_models.Seq2Seq("lstm", 5, 6, 2, 3, sos=0, eos=1),
    ]
    twins: list[torch_trainer.Model] = [
        torch_models.SequenceModel("lstm", 2, 3, 4, outputs=2),
        torch_models.CaptionModel("lstm", 4, 5, 2, 3),
        torch_models.Seq2Seq("lstm", 5, 6, 2, 3, sos=0, eos=1),
    ]
    for one, twin in zip(ours, twins, strict=True):
        numbers = numpy_trainer.Trainer(one, "sgd", 0.1).parameters()
        assert numbers == torch_trainer.Trainer(twin, "sgd", 0.1).parameters()
        assert one.carried_sizes == twin.carried_sizes
    assert [model.carried_sizes for model in ours] == [((4, 3), (4, 3)), (), ()]


@pytest.mark.parametrize("tree", ["numpy", "torch"])
def test_a_model_without_predict(tree: str) -> None:
    model = make_model(tree, Case())
    with pytest.raises(TypeError, match=r"Trainer: expected a model with predict\(\), got Seq2Seq"):
        TREES[tree][1].Trainer(model, "sgd", 0.1).predict(np.zeros((1, 1)))
