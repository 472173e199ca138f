"""Outputs are checked before the work, and no output replaces an input or another output."""

from pathlib import Path

from tests.labs.running import lab, refused


def test_outputs_that_cannot_be_written(tmp_path: Path) -> None:
    words = ("lab", "hihello", "--steps", 1, "--impl", "numpy")
    for option in ("--json", "--plot", "--save"):
        for path in (tmp_path, tmp_path / "missing" / "file", tmp_path / ("x" * 300)):
            error = refused(*words, option, path)
            expected = f"{option}: expected a file in a folder that exists and can be written, got {path} ("
            assert error.startswith(expected)
    assert list(tmp_path.iterdir()) == []


def test_no_file_is_written_over_another(tmp_path: Path) -> None:
    words = ("lab", "longseq", "--steps", 1, "--impl", "numpy")
    text, out = tmp_path / "text.txt", tmp_path / "out"
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


def test_no_picture_of_nothing(tmp_path: Path) -> None:
    error = refused("lab", "basics", "--plot", tmp_path / "x.png")
    assert error.startswith("basics: expected no --plot: this lab draws nothing, got ")
