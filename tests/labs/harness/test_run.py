"""Comparing curves: judged and reported steps, and runs that fail."""

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratch_rnn.cli.app import make
from scratch_rnn.labs import Failure, Interrupted, Report, Run, run_lab, timeseries
from scratch_rnn.labs.harness.checkpoint import read_checkpoint
from scratch_rnn.labs.harness.implementations import first_weights, load, trainer
from scratch_rnn.labs.harness.run import JUDGED_STEPS, _next_loss
from scratch_rnn.labs.inputs.files import DATA
from scratch_rnn.torch_autograd.models.trainer import Trainer as TorchTrainer
from tests.labs.running import lab, refused


def report(*curves: list[float], dtype: str = "float64") -> Report:
    runs = [Run(str(n), losses, 1, 0.0, {}) for n, losses in enumerate(curves)]
    return Report(make("charseq", {"dtype": dtype}), runs)


def test_any_two_are_compared() -> None:
    made = report([1.0, 2.0], [1.0, 2.0 + 1e-12], [1.0, 2.0 - 1e-12])
    assert made.difference() == pytest.approx(1e-12, rel=1e-3)
    assert made.agree
    assert not report([1.0, 2.0], [1.0, 2.0], [1.0, 2.0 + 1e-8]).agree
    assert not report([1.0, 2.0], [1.0, 2.0 + 1e-8], [1.0, 2.0]).agree
    assert report([0.0], [0.0]).difference() == 0
    assert report([1.0]).difference() is None
    assert report([1.0]).agree


def test_late_steps_are_reported_not_judged() -> None:
    same = [1.0] * JUDGED_STEPS
    late = report([*same, 1.0], [*same, 2.0])
    assert late.agree
    assert late.difference() == 0.5
    assert late.as_json()["max_relative_loss_difference"] == 0.5
    assert not report([*same[1:], 1.0], [*same[1:], 2.0]).agree


def test_float32_is_not_judged() -> None:
    assert report([1.0], [2.0], dtype="float32").agree


@pytest.mark.parametrize("impl", ["numpy", "torch", "reference"])
def test_a_loss_that_is_not_finite(impl: str) -> None:
    error = refused(
        "lab", "timeseries", "--lr", "1e200", "--optimizer", "sgd", "--steps", 9, "--impl", impl, status=1
    )
    assert error.startswith(f"timeseries: {impl}: the loss is ")
    assert error.endswith("; try a smaller --lr")


@pytest.mark.parametrize("impl", ["numpy", "torch", "reference"])
@pytest.mark.parametrize(
    ("name", "options"),
    [("hihello", ("--head",)), ("seq2seq", ()), ("one-to-many", ("--optimizer", "sgd")), ("timeseries", ())],
)
def test_last_weights_that_cannot_be_used(name: str, options: tuple[str, ...], impl: str) -> None:
    """Without --save too, and where the result is only a share of right answers."""
    words = ("--lr", "1e308", "--steps", 1, "--impl", impl, *options)
    error = refused("lab", name, *words, status=1)
    assert re.fullmatch(
        f"{name}: {impl}: the (loss is (nan|inf)|weights have NaN or infinity) after the last step; "
        "try a smaller --lr",
        error,
    )


@pytest.mark.parametrize("impl", ["numpy", "torch", "reference"])
def test_the_step_after_the_last_is_undone(impl: str) -> None:
    chosen: Any = make("charlm", {"hidden": 3, "window": 5, "test_file": str(DATA / "this.txt")})
    work = trainer(chosen, load(impl, "steps"), first_weights(chosen))
    work.step(*chosen.batch(0), reset_state=True)
    before = work.snapshot()
    assert math.isfinite(_next_loss(chosen, work, 1, before))
    after = work.snapshot()
    assert list(after) == list(before)
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array)


def test_a_loaded_run_without_steps_trains_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    words = ("charlm", "--impl", "torch", "--hidden", 3, "--window", 5, "--test-file", DATA / "this.txt")
    lab(*words, "--steps", 2, "--save", one)
    monkeypatch.setattr(TorchTrainer, "step", None)
    lab(*words, "--steps", 2, "--load", one, "--save", two)
    with np.load(one) as before, np.load(two) as after:
        assert len(before["losses"]) == 2
        for name in set(before.files) - {"about"}:
            np.testing.assert_array_equal(before[name], after[name])


def test_the_checkpoint_is_written_before_the_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeseries, "rmse", lambda forecast, truth: math.nan)
    file = tmp_path / "one.npz"
    refused("lab", "timeseries", "--steps", 2, "--impl", "numpy", "--save", file, status=1)
    with np.load(file) as saved:
        assert len(saved["losses"]) == 2


def test_an_interrupt_in_the_step_after_the_last_keeps_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: Any) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr("scratch_rnn.labs.harness.run._next_loss", interrupted)
    file = tmp_path / "one.npz"
    with pytest.raises(KeyboardInterrupt):
        run_lab(make("timeseries", {"steps": 2}), ["numpy"], lambda impl, done: False, file)
    with np.load(file) as saved:
        assert len(saved["losses"]) == 2


@pytest.mark.parametrize("kind", [MemoryError, KeyboardInterrupt])
def test_an_error_in_the_evaluation_of_a_loaded_run_keeps_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[BaseException]
) -> None:
    """Nothing is trained, so nothing was written before the evaluation."""

    def failing(forecast: object, truth: object) -> float:
        raise kind("in the evaluation")

    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    chosen = make("timeseries", {"steps": 2})
    run_lab(chosen, ["numpy"], lambda impl, done: False, one)
    monkeypatch.setattr(timeseries, "rmse", failing)
    loaded = read_checkpoint(one, "timeseries")
    with pytest.raises(kind, match=r"^in the evaluation$"):
        run_lab(chosen, ["numpy"], lambda impl, done: False, two, loaded)
    with np.load(one) as before, np.load(two) as after:
        np.testing.assert_array_equal(after["losses"], before["losses"])


def test_a_runtime_error_of_a_single_process_is_raised_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*arguments: object, **options: object) -> float:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(TorchTrainer, "step", failing)
    with pytest.raises(RuntimeError, match=r"^out of memory$"):
        run_lab(make("hihello", {"steps": 2}), ["torch"], lambda impl, done: False)


def test_a_result_that_is_not_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeseries, "rmse", lambda forecast, truth: math.inf)
    error = refused("lab", "timeseries", "--steps", 1, "--impl", "numpy", status=1)
    assert error == "timeseries: numpy: rmse is inf; try a smaller --lr"


@pytest.mark.parametrize("name", ["longseq", "charlm", "timeseries", "seq2seq", "one-to-many", "many-to-one"])
def test_the_evaluation_shows_its_progress(name: str) -> None:
    bars: dict[str, int] = {}

    def track(label: str, parts: Sequence[Any]) -> Iterator[Any]:
        bars[label] = 0
        for part in parts:
            bars[label] += 1
            yield part

    small: dict[str, Any] = {"charlm": {"test_file": str(DATA / "this.txt"), "hidden": 3}}
    chosen = make(name, {"steps": 1, **small.get(name, {})})
    run_lab(chosen, ["numpy"], lambda impl, done: False, track=track)
    assert bars[f"{name} numpy: evaluation"] >= 1
    assert bars.get("longseq numpy: bounds", 10) == 10


def test_an_interrupted_evaluation_is_reported(tmp_path: Path) -> None:
    def track(label: str, parts: Sequence[Any]) -> Iterator[Any]:
        raise Interrupted
        yield

    path = tmp_path / "run.npz"
    with pytest.raises(Failure, match=f"longseq: interrupted in the evaluation; saved to {path}"):
        run_lab(make("longseq", {"steps": 1}), ["numpy"], lambda impl, done: False, path, track=track)
    assert path.exists()
