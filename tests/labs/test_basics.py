"""Lab basics: the shapes and numbers of the course's batch, and the effect of batch_first."""

import math

import numpy as np
import pytest

from tests.labs.running import IMPLS, lab

WORD_0 = [(-0.7497, -0.6135), (-0.5753, -0.0070), (-0.9077, -0.3205), (-0.9141, -0.2142), (-0.8996, 0.3307)]


def test_the_course_batch() -> None:
    report = lab("basics")
    assert [run["impl"] for run in report["runs"]] == list(IMPLS)
    assert report["max_relative_loss_difference"] is None
    for run in report["runs"]:
        assert run["losses"] == []
        assert run["parameters"] == 2 * 4 + 2 * 2 + 2 + 2
        result = run["result"]
        np.testing.assert_allclose(result["outputs"], WORD_0, atol=5e-5)
        assert result["output_shape"] == [3, 5, 2]
        assert result["state_shape"] == [1, 3, 2]
        assert result["moved_by_word_0_batch_first"] == [0]
        assert result["moved_by_word_0"] == [0, 1, 2]


@pytest.mark.parametrize(("cell", "gates"), [("rnn", 1), ("lstm", 4), ("gru", 3)])
def test_other_sizes(cell: str, gates: int) -> None:
    report = lab("basics", "--cell", cell, "--hidden", 3, "--layers", 2, "--seed", 5)
    for run in report["runs"]:
        assert run["result"]["state_shape"] == [2, 3, 3]
        assert run["parameters"] == gates * (3 * 4 + 3 * 3 + 6 + 3 * 3 + 3 * 3 + 6)
    flat = [np.ravel(run["result"]["outputs"]).tolist() for run in report["runs"]]
    assert all(math.isclose(a, b, rel_tol=1e-12) for a, *rest in zip(*flat, strict=True) for b in rest)
