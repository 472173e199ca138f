"""Every rung computes what torch.nn computes; each is compared with the rung below."""

import pytest

from benchmarks import oracle
from benchmarks.cases import CELLS, WHATS, Case, Size
from benchmarks.contenders import find
from benchmarks.ladder.rungs import RUNGS, baselines
from benchmarks.session import InProcess, time_steps


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize("cell", CELLS)
def test_every_rung_equals_torch_in_float64(cell: str, what: str, rung: str) -> None:
    contender = find(rung)
    for size in (Size(5, 4, 3, 6), Size(1, 1, 2, 3), Size(3, 2, 7, 1)):
        case = Case(cell, what, size, dtype="float64")
        ready = InProcess(contender, case, lambda prepared: time_steps(prepared, 0)).ready()
        assert oracle.error(case, ready.outcome) < 1e-13


def test_rungs_that_change_nothing_are_left_out() -> None:
    training, inference = (Case("rnn", what, Size(5, 4, 3, 6)) for what in WHATS)
    below = baselines(training)
    assert "one GEMM for the gates" not in below
    assert below["hoisted input"] == "separate gates"
    assert below["torch.nn"] == below["numpy-fused"] == "feature-major"
    assert "batched weight gradients" not in baselines(inference)
    assert find("feature-major").absent(Case("rnn", "training", Size(5, 4, 3, 6), "packed"))


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="the name of a contender or a rung, got 'nobody'"):
        find("nobody")
