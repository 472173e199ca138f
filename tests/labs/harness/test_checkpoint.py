"""Checkpoints: a resumed curve is the uninterrupted one bit for bit; bad files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scratch_rnn.labs.inputs.files import DATA
from tests.labs.running import lab, refused

TEXT = "the cat sat on the mat. a dog ran to the man! " * 8
LABS_AND_OPTIONS: dict[str, tuple[object, ...]] = {
    "hihello": (),
    "charseq": ("--cell", "lstm", "--optimizer", "sgd", "--clip", 0.1),
    "longseq": ("--batch-size", 60, "--cell", "gru", "--text", TEXT[:200]),
    "charlm": ("--hidden", 8, "--batch-size", 3, "--window", 7, "--layers", 2),
    "timeseries": ("--batch-size", 500, "--csv", DATA / "goog.csv"),
    "one-to-many": (
        "--hidden",
        12,
    ),
    "seq2seq": ("--teacher-forcing", 0.5),
    "many-to-one": ("--hidden", 12, "--batch-size", 200),
}


@pytest.mark.parametrize(
    ("name", "impl"),
    [
        *((name, impl) for name in LABS_AND_OPTIONS for impl in ("numpy", "torch")),
        ("charseq", "reference"),
        ("charlm", "reference"),
    ],
)
def test_a_resumed_curve_is_the_uninterrupted_one(name: str, impl: str, tmp_path: Path) -> None:
    """Interrupted twice: within an epoch, and in the next one. charlm also restores its state."""
    path, options = tmp_path / "run.npz", (*LABS_AND_OPTIONS[name], "--impl", impl)
    if name == "charlm":
        (tmp_path / "text.txt").write_text(TEXT)
        options = (*options, "--file", tmp_path / "text.txt")
    whole = lab(name, *options, "--steps", 24)["runs"][0]
    lab(name, *options, "--steps", 5, "--save", path)
    lab(name, "--impl", impl, "--load", path, "--steps", 17, "--save", path)
    resumed = lab(name, *options, "--load", path, "--steps", 24)["runs"][0]
    assert resumed["losses"] == whole["losses"]
    assert resumed["result"] == whole["result"]


def test_the_number_of_steps_of_a_resumed_run(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    lab("hihello", "--impl", "numpy", "--steps", 30, "--save", path)
    assert len(lab("hihello", "--impl", "numpy", "--load", path)["runs"][0]["losses"]) == 30
    assert len(lab("hihello", "--impl", "numpy", "--load", path, "--epochs", 40)["runs"][0]["losses"]) == 40
    error = refused("lab", "hihello", "--impl", "numpy", "--load", path, "--steps", 29)
    assert error == "--load: expected --steps of at least 30, as it took, got 29"


def test_a_sample_may_be_chosen_anew(tmp_path: Path) -> None:
    path, text = tmp_path / "run.npz", tmp_path / "text.txt"
    text.write_text(TEXT)
    small = ("--hidden", 8, "--batch-size", 2, "--window", 5, "--file", text)
    lab("charlm", "--impl", "numpy", *small, "--steps", 3, "--save", path)
    again = lab("charlm", "--impl", "numpy", "--load", path, "--sample", 9, "--temperature", 0.5)
    assert len(again["runs"][0]["losses"]) == 3
    assert len(again["runs"][0]["result"]["sample"]) == 10


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "saved.npz"
    lab("charseq", "--impl", "numpy", "--steps", 4, "--save", path)
    return path


def loading(path: Path, *words: object, name: str = "charseq", impl: str = "numpy") -> str:
    """The error line; nothing may be written."""
    before = {each: each.read_bytes() for each in path.parent.iterdir()}
    out = path.parent / "out.json"
    out.write_text("before")
    error = refused("lab", name, "--impl", impl, "--load", path, "--save", path, "--json", out, *words)
    assert out.read_text() == "before"
    out.unlink()
    assert {each: each.read_bytes() for each in path.parent.iterdir()} == before
    return error


def test_checkpoints_of_something_else(saved: Path) -> None:
    wanted = "--load: expected a checkpoint of {'version': 1, 'lab': 'hihello', 'impl': 'numpy'}, got "
    assert loading(saved, name="hihello").startswith(wanted)
    assert "'impl': 'torch'}, got " in loading(saved, impl="torch")
    assert loading(saved, "--cell", "gru") == f"--load: expected --cell rnn, as in {saved}, got gru"
    assert (
        loading(saved, "--text", "other")
        == f"--load: expected --text  if you want you, as in {saved}, got other"
    )
    assert loading(saved, "--hidden", 12, "--head").startswith("--load: expected --hidden 10, as in ")
    assert loading(saved, "--lr", 0.5) == f"--load: expected --lr 0.1, as in {saved}, got 0.5"


def rewrite(path: Path, changes: dict[str, Any], **arrays: Any) -> None:
    """Replace parts of a checkpoint; None removes one."""
    with np.load(path) as file:
        content = {name: file[name] for name in file.files}
    about = json.loads(str(content["about"])) | changes
    content |= {"about": np.array(json.dumps(about)), **arrays}
    np.savez(path, allow_pickle=False, **{k: v for k, v in content.items() if v is not None})


def test_another_version(saved: Path) -> None:
    rewrite(saved, {"version": 2})
    assert loading(saved).endswith(", of {'version': 2, 'lab': 'charseq', 'impl': 'numpy'}")


@pytest.mark.parametrize(
    "change",
    [
        {"weights/rnn.weight_hh_l0": np.zeros((3, 3))},
        {"weights/rnn.bias_ih_l0": None},
        {"optimizer/m/rnn.bias_ih_l0": None},
        {"optimizer/step": np.array("x")},
        {"losses": np.array(["x"])},
        {"losses": None},
        {"about": None},
        {"about": np.array("{")},
        {"about": np.array("[1]")},
    ],
    ids=str,
)
def test_bad_parts(saved: Path, change: dict[str, Any]) -> None:
    rewrite(saved, {}, **change)
    assert loading(saved).startswith("--load: expected a checkpoint")


@pytest.mark.parametrize(
    "settings",
    [[], {"cell": 7}, {"layers": "two"}, {"hidden": -4}, {"unknown_option": 1}, {"lr": 1e999}, {"text": ""}],
    ids=str,
)
def test_settings_that_are_not_right(saved: Path, settings: Any) -> None:
    rewrite(saved, {"settings": settings})
    assert "expected" in loading(saved)


def test_a_file_that_has_changed(tmp_path: Path) -> None:
    path, text = tmp_path / "run.npz", tmp_path / "text.txt"
    text.write_text(TEXT)
    lab("longseq", "--impl", "numpy", "--file", text, "--steps", 2, "--save", path)
    text.write_text(TEXT.replace("cat", "tac"))
    assert loading(path, name="longseq") == (
        f"--load: expected the --file that was read before {path} was written, got a {text} that has changed"
    )
    text.unlink()
    assert loading(path, name="longseq").startswith("--file: expected a file that can be read")


def test_one_implementation_only(saved: Path) -> None:
    for option in ("--load", "--save"):
        error = refused("lab", "charseq", option, saved)
        assert error == "--save and --load: expected one --impl, got numpy, torch, reference"
    error = refused("lab", "charseq", "--impl", "numpy", "--load", saved.with_name("none.npz"))
    assert error.startswith("--load: expected a file that can be read, got ")


def test_no_pickles(tmp_path: Path) -> None:
    path = tmp_path / "pickle.npz"
    np.savez(path, about=np.array([{"version": 1}], dtype=object))
    assert "allow_pickle=False" in loading(path)
