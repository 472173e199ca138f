"""Lab many-to-one: labels of unseen words and sentences, and the accuracy of the more frequent label."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from scratch_rnn.cli.app import app, make
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
    assert len({each["result"]["accuracy"] for each in report["runs"]}) == 1


def test_sentences(sentences: Path) -> None:
    report = lab("many-to-one", "--examples", sentences, "--level", "word", "--lr", 0.01, "--epochs", 6)
    assert_one_curve(report)
    for each in report["runs"]:
        result = each["result"]
        assert (result["accuracy"], result["bag_of_words"], result["majority"]) == (1, 1, 0.5)
        assert (result["examples"], result["unknown"], result["labels"]) == (20, 0, ["0", "1"])
        assert [point[0] for point in result["held_out"]] == [6, 12, 18, 24, 30, 36]
        assert result["held_out"][-1][1:] == [result["held_out_loss"], 1]


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
        ("good 1", "expected text TAB label, got {}, line 3: 0 tabs"),
        ("good\t1\t1", "expected text TAB label, got {}, line 3: 2 tabs"),
        ("\t1", "expected a text, got {}, line 3: an empty one"),
        ("  \t1", "expected a text, got {}, line 3: an empty one"),
        ("good\t", "expected a label, got {}, line 3: an empty one"),
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


@pytest.fixture
def rare_words(tmp_path: Path) -> dict[str, Any]:
    """Six of twenty words in a sentence say something of its label; eight occur in no other sentence."""
    rng, lines = np.random.default_rng(2), []
    for n in range(1500):
        label = int(rng.integers(2))
        told = [f"{'gb'[label if rng.random() < 0.7 else 1 - label]}{rng.integers(40)}" for _ in range(6)]
        words = [*told, *(f"once{n}x{k}" for k in range(8)), *(f"the{rng.integers(30)}" for _ in range(6))]
        lines.append(f"{' '.join(rng.permutation(words))}\t{label}\n")
    (tmp_path / "seen.tsv").write_text("".join(lines[:1000]), encoding="utf-8")
    (tmp_path / "unseen.tsv").write_text("".join(lines[1000:]), encoding="utf-8")
    return {"examples": str(tmp_path / "seen.tsv"), "test_examples": str(tmp_path / "unseen.tsv")}


def test_words_that_occur_once(rare_words: dict[str, Any]) -> None:
    """Dropout and a least count bring the network within .05 of the bag of words."""
    options: dict[str, Any] = {**rare_words, "level": "word", "engine": "fused"}
    plain = run("many-to-one", **options).result
    better = run("many-to-one", dropout=0.5, min_count=2, **options).result
    assert better["accuracy"] >= better["bag_of_words"] - 0.05
    assert plain["accuracy"] < plain["bag_of_words"] - 0.05
    losses = [loss for _, loss, _ in plain["held_out"]]
    assert losses[-1] > 1.5 * min(losses), "without them the network memorizes"


def test_one_curve_with_dropout(sentences: Path) -> None:
    options = ("--examples", sentences, "--level", "word", "--dropout", 0.4, "--min-count", 2, "--steps", 30)
    report = lab("many-to-one", *options)
    assert_one_curve(report)
    assert report["runs"][0]["losses"] != lab("many-to-one", *options[:4])["runs"][0]["losses"][:30]


def test_dropout_replaces_tokens_by_unknown(sentences: Path) -> None:
    options: dict[str, Any] = {"examples": str(sentences), "level": "word", "dropout": 0.5, "batch_size": 90}
    chosen: Any = make("many-to-one", options)
    texts, labels = chosen.batch(3)
    rows = chosen.batches.rows(3)
    kept = 0
    for text, row in zip(texts, rows, strict=True):
        assert text[-1] == 0, "the end is never dropped"
        assert np.array_equal(text[text != 1], chosen.x[row][text != 1])
        kept += int((text != 1).sum()) - 1
    assert 0.4 < kept / sum(len(text) - 1 for text in texts) < 0.6
    assert np.array_equal(labels, chosen.y[rows])
    again, other = chosen.batch(3)[0], chosen.batch(4)[0]
    assert all(np.array_equal(a, b) for a, b in zip(texts, again, strict=True))
    assert str(other) != str(texts)


def test_rare_tokens_are_unknown(tmp_path: Path) -> None:
    path = tmp_path / "few.tsv"
    path.write_text("a b\tx\na c\ty\nc a\tx\n", encoding="utf-8")
    options: dict[str, Any] = {"examples": str(path), "test_examples": str(path), "level": "word"}
    chosen: Any = make("many-to-one", {**options, "min_count": 2})
    assert (chosen.vocabulary.tokens[2:], chosen.unknown) == (("a", "c"), 1)


def test_any_labels(tmp_path: Path) -> None:
    path, unseen = tmp_path / "train.tsv", tmp_path / "unseen.tsv"
    words = {"감": "과일", "pine": "tree", "owl": "bird", "cod": "fish"}
    path.write_text("text\tlabel\n" + "".join(f"{w}\t{label}\n" for w, label in words.items()) * 5)
    unseen.write_text("owl\tbird\ncod\tsea\n", encoding="utf-8")
    options = ("--examples", path, "--test-examples", unseen, "--epochs", 60, "--lr", 0.02)
    report = lab("many-to-one", *options, "--classify", "owl", "--classify", "감")
    assert_one_curve(report)
    for each in report["runs"]:
        result = each["result"]
        assert result["labels"] == ["bird", "fish", "tree", "과일"]
        assert (result["accuracy"], result["bag_of_words"]) == (0.5, 0.5)
        assert [told["label"] for told in result["classified"]] == ["bird", "과일"]
        assert all(told["probability"] > 0.9 for told in result["classified"])
    chosen: Any = make("many-to-one", {"examples": str(path), "test_examples": str(unseen)})
    assert chosen.warnings == [
        f"the first line of {path} is left out, as it names the columns: text, label",
        "many-to-one: 1 of 2 unseen lines have a label of no training line",
    ]
    path.write_text("x\tone\n" * 12, encoding="utf-8")
    assert "at least two labels in the training lines, got one, 'one'" in refused(
        "lab", "many-to-one", "--examples", path
    )


def test_a_saved_model_classifies(sentences: Path, tmp_path: Path) -> None:
    saved = tmp_path / "m.npz"
    options = ("--examples", sentences, "--level", "word", "--lr", 0.01, "--impl", "numpy")
    whole = lab("many-to-one", *options, "--epochs", 6)["runs"][0]
    lab("many-to-one", *options, "--epochs", 2, "--save", saved)
    given = ("--load", saved, "--impl", "numpy")
    resumed = lab("many-to-one", *given, "--epochs", 6, "--save", saved)["runs"][0]
    assert resumed["result"] == whole["result"], "the curve on unseen lines included"
    words = ["lab", "many-to-one", *map(str, given), "--classify", "-"]
    done = CliRunner().invoke(app, words, input="the film is dull\na fine film\n")
    assert done.exit_code == 0, done.output
    assert "  the film is dull → 0 (" in done.stdout
    assert "  a fine film → 1 (" in done.stdout
    assert "(bag of words: 100.00%, always the most frequent label: 50.00%)" in done.stdout
    assert "unseen loss (and accuracy) after so many steps: 6: " in done.stdout
