"""A run saves as it goes, and keeps its last good checkpoint."""

from pathlib import Path

import numpy as np
import pytest

from scratch_rnn.cli.app import make
from scratch_rnn.labs import Failure, run_lab
from scratch_rnn.labs.harness import saving
from tests.labs.running import lab, refused


def steps_in(path: Path) -> int:
    with np.load(path) as file:
        return len(file["losses"])


@pytest.mark.parametrize(
    ("every", "seconds", "expected"),
    [(3, 60.0, [0, 0, 0, 0, 3, 3, 3, 6]), (None, 0.0, [0, 0, 1, 2, 3, 4, 5, 6])],
)
def test_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int | None, seconds: float, expected: list[int]
) -> None:
    """After every third step, or after each if no time may pass; written when the next loss is finite."""
    monkeypatch.setattr(saving, "SECONDS", seconds)
    path, seen = tmp_path / "run.npz", []

    def tick(impl: str, done: int) -> bool:
        seen.append(steps_in(path) if path.exists() else 0)
        return False

    run_lab(make("hihello", {"steps": 8}), ["numpy"], tick, path, save_every=every)
    assert seen == expected
    assert steps_in(path) == 8


def test_a_run_that_fails_between_two_checkpoints_continues(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"

    def tick(impl: str, done: int) -> bool:
        assert done < 8, "killed"
        return False

    whole = lab("charseq", "--impl", "torch", "--steps", 12)["runs"][0]["losses"]
    with pytest.raises(AssertionError, match="killed"):
        run_lab(make("charseq", {"steps": 12}), ["torch"], tick, path, save_every=5)
    assert steps_in(path) == 5
    assert lab("charseq", "--impl", "torch", "--load", path)["runs"][0]["losses"] == whole


@pytest.mark.parametrize("impl", ["numpy", "torch"])
def test_a_diverged_run_keeps_its_last_good_checkpoint(tmp_path: Path, impl: str) -> None:
    path = tmp_path / "run.npz"
    options = ("--impl", impl, "--optimizer", "sgd", "--lr", "1e308")
    lab("timeseries", "--impl", impl, "--steps", 1, "--save", path)
    before = path.read_bytes()
    for steps in (1, 9):
        error = refused(
            "lab", "timeseries", *options, "--steps", steps, "--save", path, "--save-every", 1, status=1
        )
        assert error.endswith("; try a smaller --lr")
        assert path.read_bytes() == before


def test_the_failure_names_the_checkpoint(tmp_path: Path) -> None:
    path, made = tmp_path / "run.npz", make("hihello", {"steps": 9})

    def tick(impl: str, done: int) -> bool:
        return done == 8

    with pytest.raises(Failure, match=f"interrupted after step 8 of 9; saved to {path}"):
        run_lab(made, ["numpy"], tick, path, save_every=3)
    assert steps_in(path) == 8
