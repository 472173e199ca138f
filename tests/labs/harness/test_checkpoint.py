"""Checkpoints: a resumed curve is the uninterrupted one bit for bit; bad files."""

import json
import os
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
from matplotlib.image import imsave

from scratch_rnn.labs import LABS
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


REQUESTS: dict[str, list[tuple[object, ...]]] = {
    "charlm": [("--sample", 9, "--temperature", 0.5, "--prompt", "Th"), ("--sample", 3)],
    "timeseries": [("--forecast", 2), ("--forecast", 4)],
    "seq2seq": [("--translate", "i feel hungry."), ("--translate", "pytorch")],
    "one-to-many": [("--image", "IMAGE"), ("--image", "IMAGE")],
    "many-to-one": [("--classify", "good"), ("--classify", "bad", "--classify", "dull")],
}
"""Options that ask for something after training: those of the run that saves, and of one that continues."""


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_no_setting_of_training(name: str, tmp_path: Path) -> None:
    image, path = tmp_path / "zero.png", tmp_path / "run.npz"
    imsave(image, np.eye(8))
    first, second = ([str(image) if w == "IMAGE" else w for w in words] for words in REQUESTS[name])
    size = ("--hidden", 8, "--engine", "fused", "--impl", "numpy")
    lab(name, *size, "--steps", 1, "--save", path, *first)
    about = json.loads(str(np.load(path)["about"]))
    assert not {*about["settings"], *about["files"]} & set(LABS[name].requests)
    image.unlink()
    plain = lab(name, "--impl", "numpy", "--load", path)
    assert not any(plain["settings"][request] for request in LABS[name].requests)
    imsave(image, np.ones((8, 8)))
    again = lab(name, "--impl", "numpy", "--load", path, *second)
    assert again["runs"][0]["losses"] == plain["runs"][0]["losses"]
    assert again["runs"][0]["result"].keys() > plain["runs"][0]["result"].keys()


def test_every_request_is_tested() -> None:
    words = {name: {str(word) for request in some for word in request} for name, some in REQUESTS.items()}
    given = {name: {w[2:] for w in some if w.startswith("--")} for name, some in words.items()}
    assert given == {name: set(lab.requests) for name, lab in LABS.items() if lab.requests}


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
    wanted = f"--load: expected a checkpoint of lab hihello, got {saved}, of lab 'charseq'"
    assert loading(saved, name="hihello") == wanted
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
    np.savez(path, **{k: v for k, v in content.items() if v is not None})


def test_another_version(saved: Path) -> None:
    rewrite(saved, {"version": 2})
    assert loading(saved) == f"--load: expected a checkpoint of version 1, got {saved}, of version 2"


@pytest.mark.parametrize(
    "change",
    [
        {"weights/rnn.weight_hh_l0": np.zeros((3, 3))},
        {"weights/rnn.bias_ih_l0": None},
        {"optimizer/m/rnn.bias_ih_l0": None},
        {"optimizer/step": np.array("x")},
        {"losses": np.array(["x"])},
        {"losses": None},
        {"losses": np.zeros(3)},
        {"losses": np.full(4, np.nan)},
        {"losses": np.zeros((4, 1))},
        {"losses": np.zeros(4, np.float32)},
        {"optimizer/step": np.array(3)},
        {"optimizer/step": np.array(2**62)},
        {"optimizer/m/rnn.bias_ih_l0": np.zeros(9)},
        {"optimizer/m/rnn.bias_ih_l0": np.full(10, np.nan)},
        {"optimizer/v/rnn.bias_ih_l0": np.full(10, -1.0)},
        {"weights/rnn.bias_ih_l0": np.zeros(10, object)},
        {"state/0": np.zeros((1, 2, 10))},
        {"state/0": np.zeros((7, 1, 10))},
        {"state/0": np.full((1, 1, 10), np.inf)},
        {"state/1": np.zeros((1, 1, 10))},
        {"more": np.zeros(1)},
        {"weights/more": np.zeros(1)},
        {"about": None},
        {"about": np.array("{")},
        {"about": np.array("[1]")},
    ],
    ids=str,
)
def test_bad_parts(saved: Path, change: dict[str, Any]) -> None:
    rewrite(saved, {}, **change)
    error = loading(saved)
    assert error.startswith("--load: expected a checkpoint")
    assert "pickle" not in error


@pytest.mark.parametrize(
    ("name", "array", "reason"),
    [
        ("state/0", np.zeros((300, 1, 10)), "state/0 of shape (300, 1, 10), too large for this model"),
        ("state/1", np.zeros((1, 1, 3000)), "state/1 of shape (1, 1, 3000), too large for this model"),
        ("held_out", np.zeros(3), "held_out of shape (3,) and dtype float64"),
        ("held_out", np.zeros((2, 2)), "held_out of shape (2, 2) and dtype float64"),
        ("held_out", np.zeros((2, 3), np.float32), "held_out of shape (2, 3) and dtype float32"),
    ],
)
def test_the_header_of_a_bad_array_is_the_reason(
    saved: Path, name: str, array: np.ndarray, reason: str
) -> None:
    rewrite(saved, {}, **{name: array})
    assert loading(saved) == f"--load: expected a checkpoint of this model, got {saved} ({reason})"


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
    assert loading(path).endswith("(an array that is not of plain numbers or text)")


@pytest.mark.parametrize("name", ["losses", "weights/rnn.weight_ih_l0", "state/0", "about", "more"])
def test_a_small_file_that_unpacks_to_a_large_one(saved: Path, name: str) -> None:
    """128 MiB of zeros, of which nothing is unpacked: the header is refused first."""
    with ZipFile(saved) as file:
        members = {each: file.read(each) for each in file.namelist()}
    header = np.lib.format.header_data_from_array_1_0(np.zeros(1))
    with ZipFile(saved, "w", ZIP_DEFLATED, compresslevel=1) as file:
        for each, data in members.items():
            if each != f"{name}.npy":
                file.writestr(each, data)
        with file.open(f"{name}.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_1_0(member, header | {"shape": (2**24,)})
            for _ in range(2**7):
                member.write(bytes(2**20))
    tracemalloc.start()
    assert loading(saved).startswith("--load: expected ")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**25


@pytest.mark.parametrize("cut", [0, 1])
def test_data_that_is_shorter_or_longer_than_declared(saved: Path, cut: int) -> None:
    with ZipFile(saved) as file:
        members = {each: file.read(each) for each in file.namelist()}
    with ZipFile(saved, "w") as file:
        for each, data in members.items():
            changed = each == "weights/rnn.weight_ih_l0.npy"
            file.writestr(each, (data[:-1] if cut else data + b"x") if changed else data)
    assert "with more or less data than it declares" in loading(saved)


def test_two_members_of_one_name(saved: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"), ZipFile(saved, "a") as file:
        file.writestr("losses.npy", file.read("losses.npy"))
    assert "two members of one name" in loading(saved)


def test_a_member_that_is_no_array(saved: Path) -> None:
    with ZipFile(saved, "a") as file:
        file.writestr("notes.txt", "mine")
    assert loading(saved) == (
        f"--load: expected a checkpoint that --save wrote, got {saved} (a member that is no array)"
    )


@pytest.mark.parametrize("name", ["about", "losses"])
def test_an_unknown_compression(saved: Path, name: str) -> None:
    with ZipFile(saved) as file:
        members = {each: file.read(each) for each in file.namelist()}
    with ZipFile(saved, "w") as file:
        for each, data in members.items():
            file.writestr(each, data, ZIP_BZIP2 if each == f"{name}.npy" else None)
    with np.load(saved) as arrays:
        assert arrays[name].size > 0, "NumPy reads it"
    assert loading(saved).endswith(f", got {saved} ({name} in an unknown compression)")


def test_an_unknown_version_of_the_format_of_arrays(saved: Path) -> None:
    with np.load(saved) as arrays:
        content = {name: arrays[name] for name in arrays.files}
    with ZipFile(saved, "w") as file:
        for name, array in content.items():
            with file.open(f"{name}.npy", "w") as member:
                version = (3, 0) if name == "losses" else (1, 0)
                np.lib.format.write_array(member, array, version, allow_pickle=False)
    assert loading(saved) == (
        f"--load: expected a checkpoint of this model, got {saved} (version (3, 0) of the .npy format)"
    )


@pytest.mark.parametrize(
    ("first", "second"), [("numpy", "torch"), ("torch", "numpy"), ("numpy", "reference")]
)
def test_another_implementation_continues(tmp_path: Path, first: str, second: str) -> None:
    """The lab carries its state from step to step."""
    path, text = tmp_path / "run.npz", tmp_path / "text.txt"
    text.write_text(TEXT)
    options = ("--file", text, *LABS_AND_OPTIONS["charlm"])
    whole = lab("charlm", "--impl", second, *options, "--steps", 9)["runs"][0]["losses"]
    lab("charlm", "--impl", first, *options, "--steps", 5, "--save", path)
    rest = lab("charlm", "--impl", second, "--load", path, "--steps", 9)["runs"][0]["losses"]
    assert rest == pytest.approx(whole, rel=1e-11)


def test_a_missing_state(tmp_path: Path) -> None:
    path, text = tmp_path / "run.npz", tmp_path / "text.txt"
    text.write_text(TEXT)
    options = ("--impl", "numpy", "--file", text, *LABS_AND_OPTIONS["charlm"])
    lab("charlm", *options, "--steps", 5, "--save", path)
    rewrite(path, {}, **{"state/0": None, "state/1": None})
    error = refused("lab", "charlm", "--impl", "numpy", "--load", path, "--steps", 6)
    assert error.endswith("(no state to continue from)")


def test_a_file_by_another_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The content is compared, and a relative path is of the folder where the run started."""
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    text = Path("text.txt")
    text.write_text(TEXT)
    lab("longseq", "--impl", "numpy", "--file", text, "--steps", 2, "--save", "run.npz")
    monkeypatch.chdir("sub")
    load = ("longseq", "--impl", "numpy", "--load", "../run.npz", "--steps", 3)
    expected = lab(*load)["runs"][0]["losses"]
    (tmp_path / "text.txt").rename("moved.txt")
    assert lab(*load, "--file", "moved.txt")["runs"][0]["losses"] == expected
    Path("other.txt").write_text(TEXT.upper())
    assert refused("lab", *load, "--file", "other.txt") == (
        "--load: expected the --file that was read before ../run.npz was written, "
        "got a other.txt that has changed"
    )


@pytest.mark.parametrize("vanishes", [True, False])
def test_a_file_that_changes_during_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vanishes: bool
) -> None:
    """The checkpoint is of what was read: it continues with that text, and refuses the new one."""
    path, text = tmp_path / "run.npz", tmp_path / "text.txt"
    text.write_text(TEXT)
    whole = lab("longseq", "--impl", "numpy", "--file", text, "--steps", 4)["runs"][0]["losses"]
    longseq: Any = LABS["longseq"]
    batch = longseq.batch

    def changing(self: Any, step: int) -> Any:
        text.unlink(missing_ok=True) if vanishes else text.write_text(TEXT[::-1])
        return batch(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(longseq, "batch", changing)
        lab("longseq", "--impl", "numpy", "--file", text, "--steps", 2, "--save", path)
    error = refused("lab", "longseq", "--impl", "numpy", "--load", path)
    assert error.endswith("(No such file or directory)" if vanishes else "that has changed")
    text.write_text(TEXT)
    again = lab("longseq", "--impl", "numpy", "--load", path, "--steps", 4)["runs"][0]["losses"]
    assert again == whole


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="a folder of Linux")
def test_an_input_in_memory_can_be_read_again(tmp_path: Path) -> None:
    with TemporaryDirectory(dir="/dev/shm") as folder:
        path, save = Path(folder) / "text.txt", tmp_path / "run.npz"
        path.write_text(TEXT)
        lab("longseq", "--impl", "numpy", "--steps", 1, "--file", path, "--save", save)
        assert save.exists()


def test_an_input_that_cannot_be_read_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text.txt").write_text(TEXT)
    with (tmp_path / "text.txt").open() as file:
        for path in (tmp_path / "pipe", f"/dev/fd/{file.fileno()}"):
            error = refused("lab", "longseq", "--impl", "numpy", "--file", path, "--save", tmp_path / "x.npz")
            assert (
                error
                == f"--file: expected a file that can be read a second time, because of --save, got {path}"
            )
