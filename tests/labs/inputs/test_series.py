"""Columns of a CSV file: picked by name or in order, and one line for every fault."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from scratch_rnn.checks import UsageError
from scratch_rnn.cli.app import app
from scratch_rnn.labs.inputs.series import Reading, Series, read_series
from tests.labs.running import lab, refused


def test_columns_by_name(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    rows = [f"2024-01-{n},{n + 0.5},{n * n}, {1000 - n} " for n in range(9)]
    path.write_text("\n".join(["# a comment", "Date,Close, VOLUME ,open", *rows[:4], "", *rows[4:]]))
    whole = read_series(path, ["open", "close", "volume"]).values
    assert whole.tolist() == [[1000 - n, n + 0.5, n * n] for n in range(9)]
    assert np.array_equal(read_series(path, ["volume", "open"]).values, whole[:, [2, 0]])
    bare = tmp_path / "bare.csv"
    bare.write_text("\n".join(",".join(map(str, row)) for row in whole), encoding="utf-8")
    assert np.array_equal(read_series(bare, ["a", "b", "c"]).values, whole)


HEADER = "date,open,close"
GOOD = [f"{n},{n},{n * n}" for n in range(20)]


LINES: dict[str, tuple[list[str], str]] = {
    "no number": (
        [HEADER, *GOOD[:9], "9,9,n/a"],
        "--csv: a number, or --missing drop or previous, 'n/a' in {}, line 11, column close",
    ),
    "nan": (
        [HEADER, "#", *GOOD, "9,nan,9"],
        "--csv: a number, or --missing drop or previous, 'nan' in {}, line 23, column open",
    ),
    "infinite": ([HEADER, *GOOD, "9,1e999,9"], "--csv: a number, '1e999' in {}, line 22, column open"),
    "empty cell": (
        [HEADER, *GOOD, "9,,9"],
        "--csv: a number, or --missing drop or previous, '' in {}, line 22, column open",
    ),
    "short row": ([HEADER, *GOOD, "9,9"], "--csv: 3 cells, 2 in {}, line 22"),
    "no header": (GOOD, "--columns: names of all 3 columns, since {} has no header line, open, close"),
    "header alone": ([HEADER], "--csv: rows below the header, none in {}"),
    "comments alone": (["# nothing"], "--csv: rows of separated values, none in {}"),
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
    "unknown column": (
        ("--columns", "close,high"),
        "--columns: columns among date, open, close in {}, line 1, high",
    ),
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


def series(tmp_path: Path, text: str, names: str, **reading: Any) -> Series:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return read_series(path, names.split(","), Reading(**reading))


def refusal(tmp_path: Path, text: str, names: str, **reading: Any) -> str:
    """The error, with the path left out."""
    with pytest.raises(UsageError) as caught:
        series(tmp_path, text, names, **reading)
    return str(caught.value).replace(str(tmp_path / "table.csv"), "FILE")


HEADERS = {
    "savetxt": ("# close,open\n1,2\n3,4\n", "open,close", [[2, 1], [4, 3]]),
    "savetxt with spaces": ("# close open\n1 2\n3 4\n", "open,close", [[2, 1], [4, 3]]),
    "savetxt below a comment": ("# made today, by me\n# close,open\n1,2\n3,4\n", "open", [[2], [4]]),
    "savetxt of one column": ("# close\n1\n3\n", "close", [[1], [3]]),
    "a comment above one column": ("# daily temperatures\n1\n3\n", "close", [[1], [3]]),
    "a comment above two columns": ("# daily, in dollars, by me\n1,2\n3,4\n", "a,b", [[1, 2], [3, 4]]),
    "numbers": ("2019,2020\n1,2\n3,4\n", "2020", [[2], [4]]),
    "nan": ("date,nan,close\nx,1,2\nx,3,4\n", "nan", [[1], [3]]),
    "nan beside it": ("date,nan,close\nx,1,2\nx,3,4\n", "close", [[2], [4]]),
    "another form of Unicode": ("e\u0301te\u0301,b\n1,2\n3,4\n", "\xe9t\xe9", [[1], [3]]),
}


@pytest.mark.parametrize("case", HEADERS)
def test_headers(case: str, tmp_path: Path) -> None:
    text, names, values = HEADERS[case]
    assert series(tmp_path, text, names).values.tolist() == values


def test_names_that_do_not_select_one_column(tmp_path: Path) -> None:
    error = "--columns: expected one column close, got 2 in FILE, line 2"
    assert refusal(tmp_path, "# x\nclose,open,Close\n1,2,3\n", "close") == error
    assert series(tmp_path, "close,open,Close\n1,2,3\n", "open").values.tolist() == [[2]]
    error = "--columns: expected columns among close, open in FILE, line 1, got high"
    assert refusal(tmp_path, "# close,open\n1,2\n3,4\n", "open,high") == error
    assert refusal(tmp_path, "# close,open\n1,2\n3,4\n", "low,high") == error.replace("high", "low")
    error = "--columns: expected columns among nan, close in FILE, line 1, got open"
    assert refusal(tmp_path, "nan,close\n1,2\n", "open") == error


def test_the_cure_is_named(tmp_path: Path) -> None:
    error = (
        "--columns: expected names of all 1 columns, since FILE has no header line, or another --separator"
    )
    assert refusal(tmp_path, "1\n3\n", "a,b") == f"{error}, got a, b"
    error = "--columns: expected columns among a:b in FILE, line 1, or another --separator, got a"
    assert refusal(tmp_path, "a:b\n1:2\n", "a") == error
    assert series(tmp_path, "a:b\n1:2\n", "a", separator=":").values.tolist() == [[1]]


def test_decimal_commas(tmp_path: Path) -> None:
    assert series(tmp_path, "a;b\n1,5;2\n1.234,25;3,125\n", "a,b").values.tolist() == [
        [1.5, 2],
        [1234.25, 3.125],
    ]
    assert series(tmp_path, 'a,b\n"1,5",2\n"2,5",3\n', "a,b").values.tolist() == [[1.5, 2], [2.5, 3]]
    assert series(tmp_path, 'a,b\n"1,500",2.5\n"44,659,000",3\n', "a").values.tolist() == [
        [1500],
        [44659000],
    ]
    error = "--csv: expected --decimal point or comma, since the numbers do not tell which, got '1,234' in "
    assert refusal(tmp_path, "a;b\n1;2\n1,234;2\n", "a,b") == f"{error}FILE, line 3"
    assert series(tmp_path, "a;b\n1;2\n1,234;2\n", "a", decimal="comma").values.tolist() == [[1], [1.234]]
    assert series(tmp_path, "a;b\n1;2\n1,234;2\n", "a", decimal="point").values.tolist() == [[1], [1234]]
    error = "--csv: expected numbers with one decimal sign, or --decimal, got '1,5' in FILE, line 2 and "
    assert refusal(tmp_path, "a;b\n1,5;2\n1.5;2\n", "a,b") == f"{error}'1.5' in FILE, line 3"


def test_missing_numbers(tmp_path: Path) -> None:
    text = "date,a,b\n2024-01-03,1,NA\n2024-01-04,,4\n2024-01-05,5,6\n"
    error = "--csv: expected a number, or --missing drop or previous, got 'NA' in FILE, line 2, column b"
    assert refusal(tmp_path, text, "a,b") == error
    kept = series(tmp_path, text, "a,b", missing="drop")
    assert (kept.values.tolist(), [str(d.date()) for d in kept.dates or []]) == ([[5, 6]], ["2024-01-05"])
    assert kept.notes[0].startswith("2 of 3 rows of ")
    error = "--missing: expected drop, since the oldest row misses a number, got previous"
    assert refusal(tmp_path, text, "a,b", missing="previous") == error
    filled = series(tmp_path, text, "a", missing="previous")
    assert filled.values.tolist() == [[1], [1], [5]]
    assert filled.notes[0].startswith("1 missing numbers of ")
    newest = "a\n5\n?\n1\n"
    filled = series(tmp_path, newest, "a", missing="previous", newest_first=True)
    assert filled.values.tolist() == [[1], [1], [5]]
    assert "a number, got 'x'" in refusal(tmp_path, "a\n5\nx\n1\n", "a", missing="drop")


def test_dates_contradict_the_order(tmp_path: Path) -> None:
    rising, falling = "day,a\n2024-01-03,1\n2024-01-04,2\n", "day,a\n2024-01-04,2\n2024-01-03,1\n"
    error = "--order: expected newest-first, as the dates in column day of FILE descend, got oldest-first"
    assert refusal(tmp_path, falling, "a") == error
    error = "--order: expected oldest-first, as the dates in column day of FILE ascend, got newest-first"
    assert refusal(tmp_path, rising, "a", newest_first=True) == error
    one, other = series(tmp_path, rising, "a"), series(tmp_path, falling, "a", newest_first=True)
    assert one.dates == other.dates is not None
    assert one.values.tolist() == other.values.tolist() == [[1], [2]]
    assert series(tmp_path, rising + "2024-01-01,3\n", "a").dates is None, "in no order"
