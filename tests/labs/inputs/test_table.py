"""Tables of separated values: separators, quotes and comments, and errors that name the line."""

from pathlib import Path

import pytest

from scratch_rnn.checks import UsageError
from scratch_rnn.labs.inputs.table import find_separator, read_table


def cells(tmp_path: Path, text: str, separator: str | None = None) -> list[list[str]]:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    return [row.cells for row in read_table("--csv", path, separator).rows]


def refusal(tmp_path: Path, text: str, separator: str | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        cells(tmp_path, text, separator)
    return str(caught.value).replace(str(tmp_path / "t.csv"), "FILE")


@pytest.mark.parametrize(
    ("lines", "separator"),
    [
        (["a,b", "1,2"], ","),
        (["a;b", "1,5;2,5"], ";"),
        (["1,5;2,5", "3,5;4,5"], ";"),
        (["a\tb", "1,5\t2,5"], "\t"),
        (["a|b", "1|2"], "|"),
        (["1.5 2.5", "3.5 4.5"], " "),
        (["# a;b", "a, b", "", "1, 2"], ","),
        (["date,a", "2024-01-01 10:00,1"], ","),
        (["a,b", '"x;y;z",2', '"x;y",3'], ","),
        (["close", "1"], ","),
        (["close price", "1", "2"], ","),
        ([], ","),
    ],
)
def test_separators_are_found(lines: list[str], separator: str) -> None:
    assert find_separator(lines) == separator


def test_separators_are_given(tmp_path: Path) -> None:
    assert cells(tmp_path, "a:b,c\n1:2,3\n", ":") == [["a", "b,c"], ["1", "2,3"]]
    for name in ("tab", "\\t", "\t"):
        assert cells(tmp_path, "a\tb c\n", name) == [["a", "b c"]]
    assert cells(tmp_path, "a   b\n1 2\n", "space") == [["a", "b"], ["1", "2"]]
    for bad in ("", "::", "1", "x", '"', "#", ".", "-", "\n"):
        error = "--separator: expected one character that is not part of a number, tab or space"
        assert refusal(tmp_path, "a,b\n", bad).startswith(error)


def test_quotes_are_understood_first(tmp_path: Path) -> None:
    text = 'date,note,a\n1,"x, y",2\n2,"one\n# two\nthree",3\n# "a comment\n3, "a ""b""",4\n'
    assert cells(tmp_path, text) == [
        ["date", "note", "a"],
        ["1", "x, y", "2"],
        ["2", "one\n# two\nthree", "3"],
        ["3", 'a "b"', "4"],
    ]


def test_the_line_of_a_row(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('# x\na,b,c\n\n"1\n\n",2,3\n4,5,6\n', encoding="utf-8")
    places = [row.place for row in read_table("--csv", path).rows]
    assert places == [f"{path}, line {n}" for n in (2, 4, 7)]


ROWS = "".join(f"{n},{n}\n" for n in range(10))
OPEN = {
    "to the end": (f'a,b\n1,"2\n{ROWS}', "cells whose quotes are closed", "line 2: unexpected end of data"),
    "to another quote": (
        f'a,b\n1,"2\n{ROWS}3,"4"\n',
        "cells whose quotes are closed",
        "line 2: ',' expected after '\"'",
    ),
    "to a last quote": (
        f'a,b\n0,0\n1,"2\n{ROWS}3,"\n4,4\n',
        "quotes that are closed in their cell",
        "line 3: one that includes 11 more lines",
    ),
    "to the next line": (
        'a,b\n1,"2\n3,"\n4,4\n',
        "quotes that are closed in their cell",
        "line 2: one that includes 1 more lines",
    ),
    "in the header": (f'a,"b\n{ROWS}', "cells whose quotes are closed", "line 1: unexpected end of data"),
}


@pytest.mark.parametrize("case", OPEN)
def test_an_open_quote_swallows_no_rows(case: str, tmp_path: Path) -> None:
    text, expected, got = OPEN[case]
    assert refusal(tmp_path, text) == f"--csv: expected {expected}, got FILE, {got}"
