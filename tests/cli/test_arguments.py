"""Outputs are checked before the work, and no output replaces an input or another output."""

import os
from pathlib import Path

import pytest

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
