"""Outputs are checked before the work, and no output replaces an input or another output."""

import os
from pathlib import Path

import pytest

from scratch_rnn.labs.inputs import files
from scratch_rnn.labs.inputs.files import DATA
from tests.labs.running import lab, refused


def test_outputs_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    words = ("lab", "hihello", "--steps", 1, "--impl", "numpy")
    for option in ("--json", "--plot", "--save"):
        for path in (
            tmp_path / "folder.png",
            tmp_path / "missing" / "x.png",
            tmp_path / ("x" * 300 + ".png"),
        ):
            error = refused(*words, option, path)
            expected = f"{option}: expected a file in a folder that exists and can be written, got {path} ("
            assert error.startswith(expected)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]


def test_no_file_is_written_over_another(tmp_path: Path) -> None:
    words = ("lab", "longseq", "--steps", 1, "--impl", "numpy")
    text, out = tmp_path / "text.txt", tmp_path / "out.png"
    text.write_text("a text of more than ten characters")
    assert (
        refused(*words, "--file", text, "--json", text)
        == f"--json: expected another file than --file, got {text}"
    )
    assert (
        refused(*words, "--json", out, "--plot", out)
        == f"--plot: expected another file than --json, got {out}"
    )
    assert text.read_text().startswith("a text")
    lab("longseq", "--steps", 1, "--impl", "numpy", "--save", out)
    assert (
        refused(*words, "--load", out, "--json", out)
        == f"--json: expected another file than --load, got {out}"
    )


def test_named_files_are_compared_as_files(tmp_path: Path) -> None:
    words = ("lab", "longseq", "--steps", 1, "--impl", "numpy")
    text, out, other = tmp_path / "text.txt", tmp_path / "out.npz", tmp_path / "other.npz"
    text.write_text("a text of more than ten characters")
    (tmp_path / "sub").mkdir()
    dotted, link = tmp_path / "sub" / ".." / "text.txt", tmp_path / "link.png"
    link.symlink_to(text)
    for option, path in (("--json", dotted), ("--json", link), ("--plot", link), ("--save", dotted)):
        error = refused(*words, "--file", text, option, path)
        assert error == f"{option}: expected another file than --file, got {path}"
    lab("longseq", "--steps", 1, "--impl", "numpy", "--save", out)
    before = out.read_bytes()
    error = refused(*words, "--load", out, "--save", other, "--json", out)
    assert error == f"--json: expected another file than --load, got {out}"
    dotted = tmp_path / "sub" / ".." / "new.npz"
    error = refused(*words, "--save", tmp_path / "new.npz", "--json", dotted)
    assert error == f"--json: expected another file than --save, got {dotted}"
    assert out.read_bytes() == before
    assert text.read_text().startswith("a text")


def test_the_default_data_are_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "topics.txt"
    data.write_bytes((DATA / "topics.txt").read_bytes())
    monkeypatch.setattr(files, "DATA", tmp_path)
    error = refused("lab", "charlm", "--impl", "numpy", "--steps", 1, "--json", data)
    assert error == f"--json: expected another file than --file, got {data}"


def test_steps_between_checkpoints(tmp_path: Path) -> None:
    words = ("lab", "hihello", "--impl", "numpy", "--steps", 1, "--save-every")
    expected = "--save-every: expected a number of steps of at least 1, with --save, got "
    assert refused(*words, 5) == f"{expected}5"
    assert refused(*words, 0, "--save", tmp_path / "x.npz") == f"{expected}0"


def test_nothing_is_overwritten_by_a_run_that_fails(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    out.write_text("before")
    refused("lab", "charseq", "--text", "x", "--json", out)
    refused("lab", "timeseries", "--lr", "1e300", "--impl", "numpy", "--json", out, "--steps", 4, status=1)
    assert out.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


STARTS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF", ".SVG": b"<?xml"}


@pytest.mark.parametrize("suffix", STARTS)
def test_the_suffix_is_the_format_of_a_picture(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"loss{suffix}"
    lab("hihello", "--steps", 2, "--impl", "numpy", "--plot", path)
    assert path.read_bytes().startswith(STARTS[suffix])


@pytest.mark.parametrize("name", ["loss", "loss.jpg", "loss.png.gz", ".png"])
def test_other_formats_are_refused(name: str, tmp_path: Path) -> None:
    error = refused("lab", "hihello", "--plot", tmp_path / name)
    assert error == f"--plot: expected a name that ends in .png, .svg, .pdf, got {tmp_path / name}"
    assert list(tmp_path.iterdir()) == []


def test_bytes_that_are_not_utf_8(tmp_path: Path) -> None:
    """As text they are refused; in a file name they are kept."""
    not_utf_8 = os.fsdecode(b"ab\xffcd")
    error = refused("lab", "charseq", "--text", not_utf_8, "--json", tmp_path / "out.json")
    assert error == r"charseq: expected --text in UTF-8, got 'ab\udcffcd'"
    path = tmp_path / not_utf_8
    path.write_text("a text of more than ten characters")
    report = lab("longseq", "--file", path, "--steps", 1, "--impl", "numpy", "--save", tmp_path / "run.npz")
    assert report["settings"]["file"] == str(path)
    lab("longseq", "--load", tmp_path / "run.npz", "--steps", 2, "--impl", "numpy")
