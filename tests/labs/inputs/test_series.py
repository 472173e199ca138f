"""Columns of a CSV file: picked by name or in order, and one line for every fault."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from scratch_rnn.cli.app import app
from scratch_rnn.labs.inputs.series import read_columns
from tests.labs.running import lab, refused


def test_columns_by_name(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    rows = [f"2024-01-{n},{n + 0.5},{n * n}, {1000 - n} " for n in range(9)]
    path.write_text("\n".join(["# a comment", "Date,Close, VOLUME ,open", *rows[:4], "", *rows[4:]]))
    whole = read_columns(path, ["open", "close", "volume"])
    assert whole.tolist() == [[1000 - n, n + 0.5, n * n] for n in range(9)]
    assert np.array_equal(read_columns(path, ["volume", "open"]), whole[:, [2, 0]])
    bare = tmp_path / "bare.csv"
    bare.write_text("\n".join(",".join(map(str, row)) for row in whole), encoding="utf-8")
    assert np.array_equal(read_columns(bare, ["a", "b", "c"]), whole)


HEADER = "date,open,close"
GOOD = [f"{n},{n},{n * n}" for n in range(20)]


LINES: dict[str, tuple[list[str], str]] = {
    "no number": ([HEADER, *GOOD[:9], "9,9,n/a"], "--csv: a number, 'n/a' in {}, line 11, column close"),
    "nan": ([HEADER, "#", *GOOD, "9,nan,9"], "--csv: a number, 'nan' in {}, line 23, column open"),
    "infinite": ([HEADER, *GOOD, "9,1e999,9"], "--csv: a number, '1e999' in {}, line 22, column open"),
    "empty cell": ([HEADER, *GOOD, "9,,9"], "--csv: a number, '' in {}, line 22, column open"),
    "short row": ([HEADER, *GOOD, "9,9"], "--csv: 3 cells, 2 in {}, line 22"),
    "no header": (GOOD, "--csv: 2 cells, 3 in {}, line 1"),
    "header alone": ([HEADER], "--csv: rows below the header, none in {}"),
    "comments alone": (["# nothing"], "--csv: rows of comma-separated values, none in {}"),
    "constant": (
        [HEADER, *(f"{n},5,{n}" for n in range(20))],
        "--columns: columns that vary in the training part of {}, open, which is always 5",
    ),
    "too large": (
        [HEADER, *(f"{n},{(-1) ** n}e308,{n}" for n in range(20))],
        "--columns: numbers whose differences are finite in the training part of {}, larger ones",
    ),
}
NAMES: dict[str, tuple[tuple[object, ...], str]] = {
    "unknown column": (("--columns", "close,high"), "--columns: columns among date, open, close in {}, high"),
    "unknown target": (("--target", "date"), "--target: one of --columns open,close, date"),
    "empty name": (("--columns", "a,,b"), "--columns: names separated by commas, each once, 'a,,b'"),
    "one name twice": (("--columns", "b,B"), "--columns: names separated by commas, each once, 'b,B'"),
    "wide window": (("--window", 14), "--csv: rows of which 70% are more than --window 14, 20 in {}"),
}


def refuse(path: Path, lines: list[str], options: tuple[object, ...], error: str) -> None:
    """`error` is who, what was expected, what came."""
    path.write_text("\n".join(lines), encoding="utf-8")
    columns = () if "--columns" in options else ("--columns", "open,close")
    words = refused("lab", "timeseries", "--csv", path, *columns, *options)
    assert words.replace(": expected ", ": ", 1).replace(", got ", ", ", 1) == error.format(path)


@pytest.mark.parametrize("what", LINES)
def test_lines_that_are_refused(tmp_path: Path, what: str) -> None:
    lines, error = LINES[what]
    refuse(tmp_path / "bad.csv", lines, (), error)


@pytest.mark.parametrize("what", NAMES)
def test_options_that_are_refused(tmp_path: Path, what: str) -> None:
    options, error = NAMES[what]
    refuse(tmp_path / "bad.csv", [HEADER, *GOOD], options, error)


def test_a_constant_unseen_part_with_its_own_scale(tmp_path: Path) -> None:
    path = tmp_path / "flat.csv"
    path.write_text("\n".join(["close", *map(str, range(14)), *["13"] * 6]), encoding="utf-8")
    options = ("--csv", path, "--columns", "close", "--window", 1)
    lab("timeseries", *options, "--steps", 1)
    done = CliRunner().invoke(app, ["lab", "timeseries", *map(str, options), "--steps", "1"])
    assert (done.exit_code, done.stderr) == (0, "")
    assert "'tomorrow = today' 0.0000: the unseen target does not change" in done.stdout
    assert "vary in the unseen part" in refused("lab", "timeseries", *options, "--scale", "own")
