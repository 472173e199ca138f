"""Lab charlm: streams that carry their state over, bits per character, those of the bigram model, samples."""

import math
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratch_rnn.cli.app import make
from scratch_rnn.labs import Failure
from scratch_rnn.labs.charlm import bigram_bits
from tests.labs.running import assert_one_curve, lab, refused, run

TEXT = "the cat sat on the mat. a dog ran to the man! " * 12
SMALL: dict[str, Any] = {"hidden": 8, "batch_size": 3, "window": 7}
OPTIONS = ("--hidden", 8, "--batch-size", 3, "--window", 7)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_defaults() -> None:
    chosen: Any = make("charlm", {})
    assert (chosen.settings.cell, chosen.settings.hidden, chosen.settings.window) == ("lstm", 128, 50)
    assert (chosen.settings.lr, chosen.settings.clip, chosen.settings.batch_size) == (0.003, 1.0, 16)
    assert chosen.steps == 1000


def test_streams_are_contiguous(text: Path) -> None:
    """Row by row the batches of an epoch are the training text again, and y is one character ahead of x."""
    chosen: Any = make("charlm", {**SMALL, "file": str(text)})
    train = TEXT[: len(TEXT) - len(TEXT) // 10]
    batches = [chosen.batch(step) for step in range(chosen.epoch)]
    x, y = (np.concatenate(parts, axis=1) for parts in zip(*batches, strict=True))
    length = (len(train) - 1) // 3
    for row in range(3):
        assert chosen.alphabet.decode(x[row]) == train[row * length : (row + 1) * length]
        assert chosen.alphabet.decode(y[row]) == train[row * length + 1 : (row + 1) * length + 1]
    reset_state = [chosen.reset_state(step) for step in range(2 * chosen.epoch)]
    assert reset_state == ([True] + [False] * (chosen.epoch - 1)) * 2
    again = chosen.batch(chosen.epoch)
    assert all(np.array_equal(a, b) for a, b in zip(again, batches[0], strict=True))


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_one_curve(text: Path, cell: str) -> None:
    report = lab("charlm", *OPTIONS, "--file", text, "--cell", cell, "--epochs", 2, "--sample", 30)
    assert_one_curve(report)
    assert len(report["runs"][0]["losses"]) == 2 * math.ceil((len(TEXT) - len(TEXT) // 10 - 1) // 3 / 7)
    samples = [each["result"]["sample"] for each in report["runs"]]
    assert len(set(samples)) == 1


def test_the_state_is_carried_over(text: Path) -> None:
    """With windows of 7 and of 14 the losses of an untrained model agree: the state crosses every cut."""
    still = {**SMALL, "file": str(text), "lr": 1e-300, "optimizer": "sgd"}
    short = run("charlm", **still, steps=10).losses
    long = run("charlm", **{**still, "window": 14}, steps=5).losses
    assert [(a + b) / 2 for a, b in zip(short[::2], short[1::2], strict=True)] == pytest.approx(long)


def test_learning_beats_the_bigram(text: Path) -> None:
    result = run("charlm", **{**SMALL, "hidden": 32}, file=str(text), lr=0.02, epochs=8).result
    assert result["bits_per_char"] < 0.7 * result["bigram_bits_per_char"]
    assert result["test_characters"] == len(TEXT) // 10 - 1


def test_the_default_text_against_the_bigram() -> None:
    result = run("charlm", steps=150, hidden=64, window=25, lr=0.02, engine="fused").result
    assert result["bigram_bits_per_char"] == pytest.approx(3.5102, abs=5e-5)
    assert result["bits_per_char"] < 3.5102
    assert (result["test_characters"], result["unknown_characters"]) == (19_999, 0)


def test_bits_do_not_depend_on_how_the_text_is_read(text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run("charlm", **SMALL, file=str(text), steps=4).result
    monkeypatch.setattr("scratch_rnn.labs.charlm.PIECE", 11)
    pieces = run("charlm", **SMALL, file=str(text), steps=4).result
    assert pieces["bits_per_char"] == pytest.approx(whole["bits_per_char"], rel=1e-13)


def test_a_test_file(text: Path, tmp_path: Path) -> None:
    unseen = tmp_path / "unseen.txt"
    unseen.write_text("the cat × sat é on the man", encoding="utf-8")
    options = (*OPTIONS, "--file", text, "--test-file", unseen, "--steps", 3, "--impl", "numpy")
    result = lab("charlm", *options)["runs"][0]["result"]
    assert (result["test_characters"], result["unknown_characters"]) == (25, 2)
    chosen: Any = make("charlm", {**SMALL, "file": str(text), "test_file": str(unseen)})
    assert len(chosen.train) == len(TEXT), "nothing is held out where there is a test file"


def test_bigram() -> None:
    """Against a count by hand."""
    rng = np.random.default_rng(0)
    train, test = rng.integers(0, 4, 60), rng.integers(0, 5, 30)
    pairs = Counter(zip(train.tolist(), train[1:].tolist(), strict=False))
    total = 0.0
    for a, b in zip(test.tolist(), test[1:].tolist(), strict=False):
        seen = sum(count for (first, _), count in pairs.items() if first == a)
        total -= math.log2((pairs[a, b] + 1) / (seen + 5))
    assert bigram_bits(train, test, classes=5) == pytest.approx(total / 29)


def test_samples(text: Path) -> None:
    options: dict[str, Any] = {**SMALL, "file": str(text), "steps": 60, "lr": 0.03, "sample": 40}
    cold = run("charlm", **options, prompt="the ", temperature=1e-6).result["sample"]
    assert cold == run("charlm", **options, prompt="the ", temperature=1e-6, seed=0).result["sample"]
    assert len(cold) == 44
    assert cold.startswith("the ")
    coldest = run("charlm", **options, prompt="the ", temperature=5e-324).result["sample"]
    assert coldest == cold
    hot = run("charlm", **options, prompt="the ", temperature=100.0).result["sample"]
    assert len(set(hot)) > len(set(cold))
    assert set(hot) <= set(TEXT)


class Counting:
    """A trainer whose model predicts the number of characters that it has read."""

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def predict(self, x: Any, state: int | None) -> tuple[Any, int]:
        read = (state or 0) + np.arange(1, x.shape[1] + 1)
        return 100.0 * np.eye(self.classes)[None, read % (self.classes - 1)], int(read[-1])


def test_a_sample_continues_the_prompt(text: Path) -> None:
    chosen: Any = make("charlm", {**SMALL, "file": str(text), "sample": 5, "prompt": "the"})
    assert chosen._sample(Counting(chosen.classes), 5) == "the" + chosen.alphabet.decode(range(3, 8))


def test_a_sample_needs_finite_logits(text: Path) -> None:
    class Diverged:
        def predict(self, x: object, state: object) -> tuple[np.ndarray, None]:
            return np.full((1, 1, 40), np.nan), None

    chosen: Any = make("charlm", {**SMALL, "file": str(text), "sample": 3})
    with pytest.raises(Failure, match=r"^charlm: the logits of a sample are not finite; try a smaller --lr$"):
        chosen._sample(Diverged(), 3)


def test_refusals(text: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.txt"
    short.write_text("ab" * 11)
    for words, error in {
        (
            "--file",
            str(short),
        ): "charlm: expected a text of at least --batch-size × --window + 1 = 22 characters "
        "to train on, got 20",
        ("--file", str(text), "--prompt", "the"): "charlm: expected --sample with --prompt, got none",
        (
            "--file",
            str(text),
            "--sample",
            "3",
            "--prompt",
            "né",
        ): "charlm: expected a --prompt of characters of the training text, got 'é', "
        "which does not occur in it",
        (
            "--file",
            str(text),
            "--sample",
            "3",
            "--prompt",
            "",
        ): "charlm: expected a --prompt of characters of the training text, got an empty one",
        ("--file", str(text), "--temperature", "2"): "charlm: expected --sample with --temperature, got none",
        ("--file", str(text), "--temperature", "0"): "charlm: expected --temperature above 0, got 0.0",
    }.items():
        assert refused("lab", "charlm", *OPTIONS, *words) == error
    short.write_text("x")
    error = refused("lab", "charlm", *OPTIONS, "--file", text, "--test-file", short)
    assert error == "charlm: expected an unseen text of at least 2 characters, got 1"


def test_a_large_alphabet_needs_no_table_of_all_pairs() -> None:
    train = np.random.default_rng(0).permutation(15_000)
    tracemalloc.start()
    bits = bigram_bits(train, train, classes=15_001)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert bits == pytest.approx(-math.log2(2 / 15_002))
    assert peak < 2**24


def test_one_text_in_two_forms_of_unicode(tmp_path: Path) -> None:
    composed, decomposed = tmp_path / "nfc.txt", tmp_path / "nfd.txt"
    composed.write_text("caf\xe9 " * 20, encoding="utf-8")
    decomposed.write_text("cafe\u0301 ", encoding="utf-8")
    options: dict[str, Any] = {"file": str(composed), "test_file": str(decomposed)}
    chosen: Any = make("charlm", {**options, "batch_size": 2, "window": 5})
    assert len(chosen.test) == 5
    assert chosen.unknown not in chosen.test
    assert [warning.split(" is ")[0] for warning in chosen.warnings] == [str(decomposed)]
