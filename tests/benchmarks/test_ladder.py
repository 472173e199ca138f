"""Every rung computes what torch.nn computes; each is compared with the rung before it."""

import pytest

from benchmarks.cases import CELLS, Case, Size
from benchmarks.ladder.rungs import RUNGS, Rung, baselines
from benchmarks.registry import find
from benchmarks.timing import oracle
from benchmarks.timing.session import InProcess
from scratch_rnn import spans
from scratch_rnn.numpy_bptt.fused import arrays

MODES = ("training", "inference")


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cell", CELLS)
def test_every_rung_equals_torch_in_float64(cell: str, mode: str, rung: str) -> None:
    contender = find(rung)
    for size in (Size(5, 4, 3, 6), Size(1, 1, 2, 3), Size(3, 2, 7, 1)):
        case = Case(cell, mode, size, dtype="float64")
        if not contender.unsupported_reason(case):
            ready = InProcess(contender, case).ready()
            assert oracle.error(case, ready.outcome) < 1e-13


def test_the_ladder_starts_and_ends_with_the_engines_as_they_are() -> None:
    names = list(RUNGS)
    assert (names[0], names[-1]) == ("numpy-steps", "numpy-fused")
    assert type(find(names[0])) is type(find(names[-1]))


def test_rungs_that_change_nothing_are_left_out() -> None:
    before = baselines(Case("rnn", "training", Size(5, 4, 3, 6)))
    assert "feature-major" not in before
    assert before["hoisted input"] == "numpy-steps"
    assert before["fused loop"] == "in-place activations"
    assert before["torch.nn"] == before["floor-numpy"] == "numpy-fused"
    assert find("in-place activations").unsupported_reason(
        Case("rnn", "training", Size(5, 4, 3, 6), "packed")
    )


@pytest.mark.parametrize("rung", ["hoisted input", "in-place activations", "feature-major"])
@pytest.mark.parametrize(("reverse", "nonlinearity"), [(True, "tanh"), (False, "relu")])
def test_what_a_rung_cannot_compute_is_refused(rung: str, reverse: bool, nonlinearity: str) -> None:
    contender = find(rung)
    assert isinstance(contender, Rung)
    with pytest.raises(ValueError, match=r"^ladder: expected a rung to run forwards, with tanh, got"):
        contender.rung("rnn").forward(None, [1], None, None, reverse, True, nonlinearity=nonlinearity)


@pytest.mark.parametrize("rung", ["fused loop", "spans in cache"])
def test_the_limits_of_the_engine_are_changed_during_a_step_only(
    rung: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, seen = arrays.workspace, list[tuple[int, int]]()

    def spy(*arguments: object) -> object:
        seen.append((arrays.HUGE_PAGE_BYTES, spans.MAX_NUMBERS_PER_SPAN))
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(arrays, "workspace", spy)
    before = arrays.HUGE_PAGE_BYTES, spans.MAX_NUMBERS_PER_SPAN
    find(rung).prepare(Case("lstm", "training", Size(5, 4, 3, 6))).step()
    assert set(seen) == {(0, 2**62 if rung == "fused loop" else before[1])}
    assert before == (arrays.HUGE_PAGE_BYTES, spans.MAX_NUMBERS_PER_SPAN)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="the name of a contender or a rung, got 'cudnn-fused'"):
        find("cudnn-fused")
