"""Files that labs read: UTF-8 text, TSV, CSV, and the default data.

Whatever is wrong with a file that a user gave is a UsageError of one line that names the file, and the line
and the column where there are any.
"""

import csv
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import scratch_rnn
from scratch_rnn.checks import UsageError, fail, message

DATA = Path(scratch_rnn.__file__).parents[1] / "data"
"""Beside the package, in the project's clone."""


class Row(NamedTuple):
    """One line of a table, and where it stood."""

    place: str
    cells: list[str]


def data_file(option: str, given: str | None, default: str) -> Path:
    """The user's file, or the lab's own: UsageError where that is not there."""
    if given is not None:
        return Path(given)
    if not (DATA / default).is_file():
        expected = f"a file, or the folder data/ of the project's clone with {default} in it"
        raise UsageError(message(option, expected, f"none at {DATA}"))
    return DATA / default


def read_text(option: str, path: Path) -> str:
    """All of a UTF-8 file, a byte order mark left out, every line end made a newline."""
    data = read_bytes(option, path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        fail(option, "UTF-8", f"{path}, line {line}: the byte 0x{data[error.start]:02x}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_bytes(option: str, path: Path) -> bytes:
    """All of a file."""
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        fail(option, "a file that can be read", f"{path} ({getattr(error, 'strerror', None) or error})")


def digest(option: str, path: str) -> str:
    """The sha256 of a file."""
    return hashlib.sha256(read_bytes(option, Path(path))).hexdigest()


def read_tsv(option: str, path: Path, columns: Sequence[str]) -> list[Row]:
    """The lines of a file, each with these columns, none of them empty; blank lines are left out."""
    rows = []
    for number, line in enumerate(read_text(option, path).split("\n"), 1):
        if not line:
            continue
        row = Row(f"{path}, line {number}", line.split("\t"))
        if len(row.cells) != len(columns):
            fail(option, " TAB ".join(columns), f"{row.place}: {len(row.cells) - 1} tabs")
        for column, cell in zip(columns, row.cells, strict=True):
            if not cell.strip():
                fail(option, f"a {column}", f"{row.place}: an empty one")
        rows.append(row)
    if not rows:
        fail(option, f"lines of {' TAB '.join(columns)}", f"none in {path}")
    return rows


def read_csv(option: str, path: Path) -> list[Row]:
    """The rows of a file; blank lines and lines that start with # are left out."""
    lines = read_text(option, path).split("\n")
    reader = csv.reader("" if line.startswith("#") else line for line in lines)
    rows = []
    try:
        for cells in reader:
            if cells:
                rows.append(Row(f"{path}, line {reader.line_num}", [cell.strip() for cell in cells]))
    except csv.Error as error:
        fail(option, "comma-separated values", f"{path}, line {reader.line_num}: {error}")
    if not rows:
        fail(option, "rows of comma-separated values", f"none in {path}")
    return rows


def as_number(cell: str) -> float | None:
    """The number that a cell holds, NaN included; None where it holds none.

    >>> as_number("1e3"), as_number("1_000"), as_number("n/a")
    (1000.0, None, None)
    """
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def finite(option: str, place: str, cell: str) -> float:
    """The number that a cell holds; UsageError for anything else, NaN and infinities included."""
    number = as_number(cell)
    if number is None or not math.isfinite(number):
        fail(option, "a number", f"{cell!r} in {place}")
    return number
