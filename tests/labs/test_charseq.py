"""Labs hihello and charseq: the course's curves, on all implementations, and the effect of a head."""

import math

import pytest

from tests.labs.running import assert_one_curve, lab, refused, run

CURVES = {
    "hihello": {0: 1.780265, 9: 0.839962, 19: 0.659545, 49: 0.553444, 99: 0.531790},
    "charseq": {0: 2.305807, 9: 1.146604, 19: 0.899272, 49: 0.823706, 99: 0.809236},
}


@pytest.mark.parametrize("name", CURVES)
def test_the_curve_of_seed_0(name: str) -> None:
    report = lab(name)
    assert_one_curve(report)
    for each in report["runs"]:
        assert len(each["losses"]) == 100
        for step, loss in CURVES[name].items():
            assert each["losses"][step] == pytest.approx(loss, rel=1e-6)


def test_hihello_is_correct_for_some_steps_only() -> None:
    right = [run("hihello", steps=steps).result["accuracy"] == 1 for steps in range(7, 14)]
    assert right == [False, True, True, True, True, False, False]
    last = run("hihello").result
    assert (last["prediction"], last["accuracy"]) == ("ilello", pytest.approx(5 / 6))


def test_charseq_stays_correct() -> None:
    assert run("charseq", steps=15).result["accuracy"] < 1
    for steps in (16, 40, 100):
        result = run("charseq", steps=steps).result
        assert (result["prediction"], result["accuracy"]) == ("if you want you", 1)


def test_states_as_logits_have_a_floor() -> None:
    assert run("hihello", steps=1).result["loss_floor"] == pytest.approx(0.432653, abs=5e-7)
    assert run("charseq", steps=1).result["loss_floor"] == pytest.approx(0.796614, abs=5e-7)
    assert min(run("hihello", steps=600).losses) > 0.432653


@pytest.mark.parametrize("seed", range(8))
def test_a_head_removes_the_floor(seed: int) -> None:
    cured = run("hihello", head=True, seed=seed)
    assert (cured.result["prediction"], cured.result["loss_floor"]) == ("ihello", None)
    assert cured.losses[-1] < 0.1


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_other_cells_and_sizes(cell: str) -> None:
    report = lab("charseq", "--cell", cell, "--hidden", 7, "--layers", 2, "--head", "--steps", 30)
    assert_one_curve(report)
    assert report["settings"]["hidden"] == 7
    gates = {"lstm": 4, "gru": 3}[cell]
    assert report["runs"][0]["parameters"] == gates * 7 * (10 + 7 + 2 + 7 + 7 + 2) + 10 * 7 + 10


def test_a_text_of_the_user() -> None:
    report = lab(
        "charseq", "--text", "아름다운 우리말 노래", "--head", "--impl", "numpy", "--impl", "reference"
    )
    assert [each["impl"] for each in report["runs"]] == ["numpy", "reference"]
    assert [each["result"]["prediction"] for each in report["runs"]] == ["름다운 우리말 노래"] * 2
    assert lab("charseq", "--text", "aa", "--impl", "numpy")["runs"][0]["losses"] == [0] * 100


def test_a_seed_is_obeyed() -> None:
    one, other, again = (run("hihello", seed=seed, steps=5).losses for seed in (1, 2, 1))
    assert one == again
    assert not any(math.isclose(a, b) for a, b in zip(one, other, strict=True))


def test_refusals() -> None:
    for text, length in (("", 0), ("a", 1)):
        error = refused("lab", "charseq", "--text", text)
        assert error == f"charseq: expected --text of at least 2 characters, got {length}"
    error = refused("lab", "hihello", "--hidden", 3)
    assert error == "hihello: expected --hidden 5, one unit per character (or --head), got 3"
