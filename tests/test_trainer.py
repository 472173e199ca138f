"""One training step, three times the same: loss, clipping, update, the state carried on; snapshots."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy import ndarray

import reference.sequence
import reference.trainer
from scratch_rnn.numpy_bptt.models import sequence as numpy_model
from scratch_rnn.numpy_bptt.models import trainer as numpy_trainer
from scratch_rnn.torch_autograd.models import sequence as torch_model
from scratch_rnn.torch_autograd.models import trainer as torch_trainer
from tests.parity import assert_close

TREES: dict[str, tuple[Any, Any]] = {
    "numpy": (numpy_model, numpy_trainer),
    "torch": (torch_model, torch_trainer),
    "reference": (reference.sequence, reference.trainer),
}
RULES = [("adam", 0.01, None), ("sgd", 0.5, None), ("adam", 0.01, 0.1), ("sgd", 0.5, 0.05)]


def make(
    tree: str, optimizer: str = "adam", lr: float = 0.01, clip: float | None = None, cell: str = "lstm"
) -> Any:
    """A trainer of the same model in each tree."""
    model, trainer = TREES[tree]
    first = numpy_model.SequenceModel(
        cell, 3, 4, 2, embed=6, outputs=6, dtype=np.float64, rng=np.random.default_rng(0)
    )
    if tree == "numpy":
        made: Any = first
    else:
        made = model.SequenceModel(cell, 3, 4, 2, embed=6, outputs=6, dtype=torch.float64)
        made.load_state_dict({name: torch.tensor(array) for name, array in first.state_dict().items()})
    return trainer.Trainer(made, optimizer, lr, clip)


def batch(step: int) -> tuple[ndarray, ndarray]:
    rng = np.random.default_rng(step)
    return rng.integers(0, 6, (5, 7)), rng.integers(0, 6, (5, 7))


def curve(trainer: Any, steps: range) -> list[float]:
    return [trainer.step(*batch(step), reset_state=step % 4 == 0) for step in steps]


@pytest.mark.parametrize(("optimizer", "lr", "clip"), RULES)
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_one_curve(optimizer: str, lr: float, clip: float | None, cell: str) -> None:
    curves = [curve(make(tree, optimizer, lr, clip, cell), range(30)) for tree in TREES]
    assert curves[0][0] != curves[0][-1]
    for other in curves[1:]:
        np.testing.assert_allclose(other, curves[0], rtol=1e-11)


@pytest.mark.parametrize("tree", TREES)
def test_clipping_acts(tree: str) -> None:
    free, clipped = make(tree, "sgd", 0.5), make(tree, "sgd", 0.5, 0.01)
    assert curve(free, range(1)) == curve(clipped, range(1))
    assert curve(free, range(1, 2)) != curve(clipped, range(1, 2))
    before = make(tree).model.state_dict()
    after = clipped.model.state_dict()
    moved = [np.asarray(after[name]) - np.asarray(before[name]) for name in before]
    # Two steps of at most lr · clip each.
    assert 0 < np.sqrt(sum((part**2).sum() for part in moved)) <= 2 * 0.5 * 0.01 + 1e-12


@pytest.mark.parametrize("tree", TREES)
def test_the_state_is_carried_on_and_cut(tree: str) -> None:
    """The second step starts where the first ended, and its gradient ends where it started."""
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
    """The oracle at these weights."""
    made = make("reference", "sgd", 0.5)
    made.model.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
    return made


@pytest.mark.parametrize(("optimizer", "lr", "clip"), RULES)
@pytest.mark.parametrize("tree", TREES)
def test_a_snapshot_goes_on_bit_for_bit(tree: str, optimizer: str, lr: float, clip: float | None) -> None:
    whole = curve(make(tree, optimizer, lr, clip), range(12))
    first = make(tree, optimizer, lr, clip)
    losses = curve(first, range(6))
    arrays = first.snapshot()
    curve(first, range(6, 12))  # a snapshot is a copy
    second = make(tree, optimizer, lr, clip)
    second.restore(arrays)
    assert losses + curve(second, range(6, 12)) == whole
    assert all(isinstance(array, ndarray) and array.dtype != object for array in arrays.values())


@pytest.mark.parametrize("tree", TREES)
def test_a_snapshot_before_the_first_step(tree: str) -> None:
    arrays = make(tree).snapshot()
    again = make(tree)
    curve(again, range(3))
    again.restore(arrays)
    assert again.state is None
    assert curve(again, range(5)) == curve(make(tree), range(5))


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("missing", ["weights/head.bias", "weights/rnn.weight_hh_l1"])
def test_a_snapshot_of_another_model(tree: str, missing: str) -> None:
    arrays = make(tree).snapshot()
    with pytest.raises((ValueError, RuntimeError)):
        make(tree).restore(arrays | {missing: np.zeros(2)})
    del arrays[missing]
    with pytest.raises(KeyError):
        make(tree).restore(arrays)


@pytest.mark.parametrize("tree", TREES)
def test_parameters(tree: str) -> None:
    trainer = make(tree)
    assert trainer.parameters() == 6 * 3 + 16 * (3 + 4 + 2) + 16 * (4 + 4 + 2) + 6 * 5


@pytest.mark.parametrize("tree", ["numpy", "torch"])
def test_unknown_optimizer(tree: str) -> None:
    with pytest.raises(ValueError, match="Trainer: expected optimizer to be 'adam' or 'sgd', got 'lion'"):
        make(tree, "lion")
