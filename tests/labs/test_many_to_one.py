"""Lab many-to-one: labels of unseen words and sentences, and the accuracy of the more frequent label."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratch_rnn.cli.app import make
from tests.labs.running import assert_one_curve, lab, refused, run


@pytest.fixture
def sentences(tmp_path: Path) -> Path:
    """The label depends on one word."""
    rng = np.random.default_rng(0)
    path = tmp_path / "sentences.tsv"
    fill = ["the", "film", "was", "and", "so", "is", "this", "very"]
    lines = []
    for n in range(200):
        words = rng.choice(fill, rng.integers(2, 7)).tolist()
        words.insert(int(rng.integers(len(words))), ("dull", "fine")[n % 2])
        lines.append(f"{' '.join(words)}\t{n % 2}\n")
    path.write_text("".join(lines), encoding="utf-8")
    return path


def test_default_words() -> None:
    done = run("many-to-one", epochs=10)
    assert done.result["majority"] == pytest.approx(0.576)
    assert done.result["examples"] == 125
    assert 0.5 < done.result["accuracy"] < 0.7, "spelling says little about unseen words"
    assert np.mean(done.losses[-36:]) < 0.6 < np.mean(done.losses[:36]), "training words are memorized"


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_one_curve(cell: str) -> None:
    report = lab("many-to-one", "--steps", 40, "--cell", cell, "--layers", 2, "--hidden", 12)
    assert_one_curve(report)
    assert len({str(each["result"]) for each in report["runs"]}) == 1


def test_sentences(sentences: Path) -> None:
    report = lab("many-to-one", "--examples", sentences, "--level", "word", "--lr", 0.01, "--epochs", 6)
    assert_one_curve(report)
    for each in report["runs"]:
        assert each["result"] == {"accuracy": 1, "majority": 0.5, "examples": 20, "unknown": 0}


def test_unknown_tokens_are_counted(sentences: Path, tmp_path: Path) -> None:
    unseen = tmp_path / "unseen.tsv"
    unseen.write_text("a fine thing\t1\ndull\t0\nnothing at all\t0\n", encoding="utf-8")
    options = (
        "--examples",
        sentences,
        "--test-examples",
        unseen,
        "--level",
        "word",
        "--epochs",
        6,
        "--lr",
        0.01,
    )
    result = lab("many-to-one", *options, "--impl", "numpy")["runs"][0]["result"]
    assert (result["unknown"], result["examples"]) == (5, 3)


def test_the_majority_is_that_of_the_training_lines(sentences: Path, tmp_path: Path) -> None:
    mostly = tmp_path / "mostly.tsv"
    mostly.write_text("fine\t1\n" * 9 + "dull\t0\n" * 3, encoding="utf-8")
    options: dict[str, Any] = {"examples": str(mostly), "test_examples": str(sentences), "steps": 1}
    assert run("many-to-one", **options).result["majority"] == 0.5
    assert run("many-to-one", examples=str(mostly), steps=1).result["majority"] == 0


def test_texts_are_read_to_their_own_end() -> None:
    chosen: Any = make("many-to-one", {"batch_size": 8})
    texts, labels = chosen.batch(5)
    rows = chosen.batches.rows(5)
    assert len({len(text) for text in texts}) > 1
    for text, label, row in zip(texts, labels, rows, strict=True):
        assert np.array_equal(text, chosen.x[row])
        assert label == chosen.y[row]
        assert text[-1] == 0
        assert 0 not in text[:-1]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("good 1", "expected text TAB 0 or 1, got {}, line 3: 0 tabs"),
        ("good\t1\t1", "expected text TAB 0 or 1, got {}, line 3: 2 tabs"),
        ("good\t2", "expected a label 0 or 1, got '2' in {}, line 3"),
        ("good\tyes", "expected a label 0 or 1, got 'yes' in {}, line 3"),
        ("good\t1.0", "expected a label 0 or 1, got '1.0' in {}, line 3"),
        ("\t1", "expected a text, got {}, line 3: an empty one"),
        ("  \t1", "expected a text, got {}, line 3: an empty one"),
        ("good\t", "expected a 0 or 1, got {}, line 3: an empty one"),
    ],
)
@pytest.mark.parametrize("option", ["--examples", "--test-examples"])
def test_refusals(tmp_path: Path, line: str, error: str, option: str) -> None:
    path = tmp_path / "bad.tsv"
    path.write_text(f"bad\t0\n\n{line}\nbad\t0\n", encoding="utf-8")
    assert refused("lab", "many-to-one", option, path) == f"{option}: {error.format(path)}"


def test_too_few_lines_to_hold_any_out(tmp_path: Path) -> None:
    path = tmp_path / "few.tsv"
    path.write_text("bad\t0\n" * 9, encoding="utf-8")
    assert "at least 10 lines, or --test-examples, got 9" in refused("lab", "many-to-one", "--examples", path)
