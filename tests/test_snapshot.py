"""Snapshots have one format: each implementation continues what another began, or refuses a bad snapshot."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy import ndarray

from tests.parity import assert_all_close, assert_close
from tests.test_trainer import RULES, TREES, Rule, curve, make

CASES = [(rule, cell) for rule in RULES for cell in ("gru", "lstm")]


@pytest.mark.parametrize(("rule", "cell"), CASES, ids=str)
@pytest.mark.parametrize(("first", "second"), list(product(TREES, TREES)))
def test_each_continues_what_another_began(first: str, second: str, rule: Rule, cell: str) -> None:
    """Interrupted where the next step starts from the carried state."""
    began = make(first, *rule, cell=cell)
    whole = curve(began, range(6))
    arrays = began.snapshot()
    whole += curve(began, range(6, 12))  # a snapshot is a copy: these steps do not change it
    continued = make(second, *rule, cell=cell)
    curve(continued, range(3))
    continued.restore(arrays)
    rest = curve(continued, range(6, 12))
    np.testing.assert_allclose(rest, whole[6:], rtol=0 if first == second else 1e-12)


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("steps", [0, 6])
def test_the_arrays_are_the_same(rule: Rule, steps: int) -> None:
    trainers = [make(tree, *rule) for tree in TREES]
    for trainer in trainers:
        curve(trainer, range(steps))
    snapshots = [trainer.snapshot() for trainer in trainers]
    assert int(snapshots[0]["optimizer/step"]) == steps
    assert ("state/1" in snapshots[0]) == (steps > 0)
    for other in snapshots[1:]:
        assert_all_close(other, snapshots[0], 1e-12)


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_before_the_first_step(tree: str, rule: Rule) -> None:
    arrays = make(tree, *rule).snapshot()
    again = make(tree, *rule)
    curve(again, range(3))
    again.restore(arrays)
    assert again.state is None
    assert curve(again, range(5)) == curve(make(tree, *rule), range(5))


@pytest.mark.parametrize("tree", TREES)
def test_the_order_of_the_keys_does_not_matter(tree: str) -> None:
    began = make(tree)
    curve(began, range(6))
    arrays = began.snapshot()
    continued = make(tree)
    continued.restore(dict(reversed(arrays.items())))
    assert curve(continued, range(6, 9)) == curve(began, range(6, 9))


@pytest.mark.parametrize("tree", TREES)
def test_later_writes_into_the_arrays_change_nothing(tree: str) -> None:
    began = make(tree)
    curve(began, range(6))
    arrays = began.snapshot()
    expected = curve(began, range(6, 9))
    continued = make(tree)
    continued.restore(arrays)
    for array in arrays.values():
        array[...] = 7
    assert curve(continued, range(6, 9)) == expected


@pytest.mark.parametrize("tree", TREES)
def test_other_arrays_are_not_read(tree: str) -> None:
    """A checkpoint holds the loss curve, too: the rest of it is restored as it is without."""
    began, continued = make(tree), make(tree)
    curve(began, range(6))
    continued.restore(began.snapshot() | {"losses": np.array(["x"])})
    assert continued.snapshot().keys() == began.snapshot().keys()
    assert curve(continued, range(6, 9)) == curve(began, range(6, 9))


WEIGHT, M = "weights/rnn.weight_hh_l1", "optimizer/m/rnn.weight_hh_l1"
NAN = np.full((16, 4), np.nan)
BAD: list[dict[str, Any]] = [
    {WEIGHT: None},
    {WEIGHT: np.zeros((4, 16))},
    {WEIGHT: NAN},
    {WEIGHT: np.full((16, 4), np.inf)},
    {WEIGHT: np.zeros((16, 4), np.float32)},
    {"weights/more": np.zeros(2)},
    {M: None},
    {M: np.zeros((4, 16))},
    {M: NAN},
    {"optimizer/b/head.bias": np.zeros(6)},
    {"optimizer/0/exp_avg": np.zeros(6)},
    {"optimizer/step": None},
    {"optimizer/step": np.array(-1)},
    {"optimizer/step": np.array(1.0)},
    {"optimizer/step": np.array("x")},
    {"optimizer/step": np.array([1])},
    {"state/0": None},
    {"state/1": None},
    {"state/2": np.zeros((2, 5, 4))},
    {"state/0": np.zeros((2, 4))},
    {"state/0": np.zeros((2, 6, 4))},
    {"state/1": np.zeros((1, 5, 4))},
    {"state/1": np.full((2, 5, 4), np.nan)},
]


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("change", BAD, ids=lambda change: f"{next(iter(change.items()))}"[:50])
def test_a_bad_snapshot_changes_nothing(tree: str, change: dict[str, ndarray | None]) -> None:
    began = make(tree)
    curve(began, range(6))
    arrays: dict[str, Any] = began.snapshot() | change
    trainer = make(tree)
    curve(trainer, range(2))
    before = trainer.snapshot()
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        trainer.restore({key: array for key, array in arrays.items() if array is not None})
    for key, array in trainer.snapshot().items():
        assert_close(key, array, before[key], 0)


@pytest.mark.parametrize("tree", TREES)
def test_a_snapshot_of_another_optimiser_or_model(tree: str) -> None:
    adam, sgd, momentum = make(tree), make(tree, "sgd"), make(tree, "sgd", momentum=0.5)
    for one, other in ((adam, sgd), (sgd, adam), (sgd, momentum), (momentum, sgd), (adam, momentum)):
        with pytest.raises(ValueError, match="optimizer/"):
            one.restore(other.snapshot())
    with pytest.raises(ValueError, match="weights/"):
        adam.restore(make(tree, cell="gru").snapshot())


@pytest.mark.parametrize("tree", ["numpy", "torch"])
def test_the_message_names_the_first_name(tree: str) -> None:
    arrays = make(tree).snapshot()
    del arrays[WEIGHT], arrays[M]
    expected = (
        "Trainer: expected a snapshot with this model's names, "
        f"got 2 missing ['{M}'] and 1 unknown ['optimizer/x']"
    )
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        make(tree).restore(arrays | {"optimizer/x": np.zeros(1)})
    assert str(caught.value) == expected
