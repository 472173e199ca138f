"""Which rows a step sees: all of them once an epoch, the same ones for the same seed and step."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratch_rnn.cli.app import make
from scratch_rnn.labs.harness.batches import Batches


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 5), st.integers(0, 4))
def test_every_row_once_an_epoch(count: int, size: int, seed: int, epoch: int) -> None:
    batches = Batches(count, size, seed)
    rows = [batches.rows(epoch * batches.steps + step) for step in range(batches.steps)]
    assert sorted(np.concatenate(rows).tolist()) == list(range(count))
    assert [len(part) for part in rows[:-1]] == [size] * (batches.steps - 1)
    assert 1 <= len(rows[-1]) <= size


def test_a_function_of_seed_and_step() -> None:
    batches = Batches(30, 7, seed=1)
    forwards = [batches.rows(step).tolist() for step in range(25)]
    backwards = [Batches(30, 7, seed=1).rows(step).tolist() for step in reversed(range(25))]
    assert forwards == backwards[::-1]
    assert forwards[:5] != forwards[5:10]
    assert forwards[0] != Batches(30, 7, seed=2).rows(0).tolist()
    expected = np.random.default_rng([1, 3]).permutation(30)[14:21]
    assert forwards[3 * 5 + 2] == expected.tolist()


def test_one_batch_of_all_keeps_their_order() -> None:
    for size in (None, 6, 9):
        assert Batches(6, size, seed=3).rows(4).tolist() == [0, 1, 2, 3, 4, 5]


def test_rows_that_are_kept_cannot_be_written_to() -> None:
    """The order of an epoch is computed once: writing into one batch would change the next."""
    with pytest.raises(ValueError, match="read-only"):
        Batches(30, 7, seed=1).rows(0)[0] = 5


@pytest.mark.parametrize("name", ["longseq", "timeseries", "one-to-many", "many-to-one"])
def test_labs_use_them(name: str) -> None:
    made: list[Any] = [make(name, {"batch_size": 20, "seed": seed}) for seed in (4, 4, 5)]
    one, same, other = made
    for step in (0, one.epoch - 1, one.epoch):
        assert str(one.batch(step)) == str(same.batch(step))
    assert str(one.batch(0)) != str(other.batch(0))
    assert str(one.batch(0)) != str(one.batch(one.epoch))
    assert make(name, {"batch_size": 20, "epochs": 3}).steps == 3 * one.epoch
