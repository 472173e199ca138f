"""Lab longseq: the course's figures, the bounds set by the data, other texts."""

import time
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratch_rnn.cli.app import make
from scratch_rnn.labs.longseq import SENTENCE, best_possible
from tests.labs.running import assert_one_curve, lab, refused, run


def test_the_course_sentence() -> None:
    assert (len(SENTENCE), len(set(SENTENCE))) == (180, 25)
    chosen: Any = make("longseq", {})
    x, y = chosen.batch(0)
    assert (x.shape, y.shape) == ((170, 10, 25), (170, 10))
    assert x[3].argmax(axis=1).tolist()[1:] == y[3].tolist()[:-1]


def test_the_figures_of_seed_0() -> None:
    done = run("longseq")
    assert done.losses[-1] == pytest.approx(0.240800, abs=5e-7)
    assert done.parameters == 2 * (2 * 25 * 25 + 2 * 25) + 25 * 25 + 25
    result = done.result
    assert result["best_loss"] == pytest.approx(0.228490, abs=5e-7)
    assert result["best_accuracy"] == pytest.approx(0.896471, abs=5e-7)
    assert result["accuracy"] == pytest.approx(result["best_accuracy"], abs=1e-12)
    assert result["best_loss"] < result["loss"] < done.losses[-1]
    assert result["wrong_from_second"] == 0
    assert len(result["prediction"]) == 179
    assert result["prediction"][1:] == SENTENCE[2:]


def test_one_curve() -> None:
    report = lab("longseq", "--steps", 60)
    assert_one_curve(report)
    assert report["settings"]["hidden"] == 25


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_other_settings(cell: str) -> None:
    options = ("--cell", cell, "--layers", 1, "--window", 4, "--hidden", 9, "--batch-size", 50, "--epochs", 3)
    report = lab("longseq", *options, "--text", SENTENCE[:120])
    assert_one_curve(report)
    assert len(report["runs"][0]["losses"]) == 3 * 3  # 116 windows in batches of 50


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("한국어 문장을 배웁니다. " * 100, encoding="utf-8")
    report = lab("longseq", "--file", path, "--epochs", 1, "--impl", "numpy", "--window", 20)
    assert len(report["runs"][0]["losses"]) == 2, "no more than 1,000 windows at once"
    assert len(report["runs"][0]["result"]["prediction"]) == 14 * 100 - 1
    assert report["runs"][0]["result"]["best_accuracy"] == pytest.approx(1, abs=0.02)


@given(st.lists(st.lists(st.integers(0, 2), min_size=4, max_size=4), min_size=1, max_size=12))
def test_no_predictor_is_better_than_the_best(windows: list[list[int]]) -> None:
    """A lookup table of the continuations of every prefix is a predictor that reaches both bounds."""
    best = best_possible(np.array(windows))
    right, nats, total = 0, 0.0, 0
    for window in windows:
        for t in range(1, 4):
            followers = [other[t] for other in windows if other[:t] == window[:t]]
            commonest = max(sorted(set(followers)), key=followers.count)
            right += window[t] == commonest
            nats -= np.log(followers.count(window[t]) / len(followers))
            total += 1
    assert best.accuracy == pytest.approx(right / total)
    assert best.loss == pytest.approx(nats / total)
    assert np.mean(best.accuracy_at) == pytest.approx(best.accuracy)


def test_refusals(tmp_path: Path) -> None:
    assert refused("lab", "longseq", "--text", "too short", "--window", 9) == (
        "longseq: expected a text of at least 10 characters, got 9"
    )
    path = tmp_path / "text.txt"
    path.write_text("abc")
    assert refused("lab", "longseq", "--text", SENTENCE, "--file", path) == (
        "longseq: expected --text or --file, got both"
    )
    assert "at least 11 characters, got 3" in refused("lab", "longseq", "--file", path)


def test_bounds_of_a_long_text_and_of_wide_windows() -> None:
    """Near-linear in text and window: 100,000 characters, and windows of 1,000, whose prefixes all repeat."""
    rng = np.random.default_rng(0)
    long = np.lib.stride_tricks.sliding_window_view(rng.integers(0, 30, 100_000), 11)
    wide = np.lib.stride_tricks.sliding_window_view(np.tile(np.arange(7), 400), 1001)
    tracemalloc.start()
    started = time.process_time()
    assert best_possible(long).accuracy_at[8:] == [1.0, 1.0]
    assert best_possible(wide)[1:] == (1.0, [1.0] * 1000)
    seconds, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 10
    assert peak < 2**26


def test_the_default_width_has_a_limit() -> None:
    text = "".join(chr(ord("가") + n) for n in range(200))
    chosen: Any = make("longseq", {"text": text})
    assert chosen.settings.hidden == 128
    assert chosen.warnings == [
        "longseq: the text has 200 different characters; --hidden is 128, the largest default"
    ]
    given: Any = make("longseq", {"text": text, "hidden": 200})
    assert (given.settings.hidden, list(given.warnings)) == (200, [])
    assert list(make("longseq", {"text": text[:128]}).warnings) == []


def test_the_result_does_not_depend_on_how_many_windows_are_read_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = run("longseq", steps=5, batch_size=170).result
    monkeypatch.setattr("scratch_rnn.labs.longseq.AT_ONCE", 7)
    parts = run("longseq", steps=5, batch_size=170).result
    assert parts["prediction"] == whole["prediction"]
    assert parts["accuracy_at"] == whole["accuracy_at"]
    assert parts["loss"] == pytest.approx(whole["loss"], rel=1e-13)
