"""Files that labs read: UTF-8 text, TSV, CSV, and the default data.

Every fault of a user's file is a UsageError of one line that names the file, and the line and the column
where that applies.
"""

import csv
import hashlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

import scratch_rnn
from scratch_rnn.checks import UsageError, fail, message

MOST_BYTES = 2**28
"""Largest input file."""

DATA = Path(scratch_rnn.__file__).parents[1] / "data"
"""The folder of default data, in the project's clone."""


class Input(NamedTuple):
    """A file that was read: its path, and the sha256 of the bytes that were read."""

    path: Path
    sha256: str


_reading: ContextVar[dict[str, Input]] = ContextVar("reading")
"""Where `read_bytes` notes what it reads; set by `noting_inputs` only."""


@contextmanager
def noting_inputs() -> Iterator[dict[str, Input]]:
    """A dictionary that gets every file that is read inside the `with`, by its option."""
    inputs: dict[str, Input] = {}
    token = _reading.set(inputs)
    try:
        yield inputs
    finally:
        _reading.reset(token)


class Row(NamedTuple):
    """One line of a table, and its place: file and line number."""

    place: str
    cells: list[str]


def data_file(option: str, given: str | None, default: str) -> Path:
    """The user's file, or the lab's default file; UsageError if the default file is missing."""
    if given is not None:
        return Path(given)
    if not (DATA / default).is_file():
        expected = f"a file, or the folder data/ of the project's clone with {default} in it"
        raise UsageError(message(option, expected, f"none at {DATA}"))
    return DATA / default


def read_text(option: str, path: Path) -> str:
    """The text of a UTF-8 file, without a byte order mark, with every line end converted to a newline."""
    data = read_bytes(option, path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        fail(option, "UTF-8", f"{path}, line {line}: the byte 0x{data[error.start]:02x}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_bytes(option: str, path: Path, bounded: bool = True) -> bytes:
    """The bytes of a file; UsageError if there are more than MOST_BYTES.

    Only a regular file may be read without this bound: a device or a pipe may have no end.
    """
    bounded = bounded or not path.is_file()
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1 if bounded else -1)
    except (OSError, ValueError) as error:
        fail(option, "a file that can be read", f"{path} ({getattr(error, 'strerror', None) or error})")
    if bounded and len(data) > MOST_BYTES:
        fail(option, f"a file of at most {MOST_BYTES:,} bytes", f"{path}, which has more")
    inputs = _reading.get(None)
    if inputs is not None:
        inputs[option] = Input(path, hashlib.sha256(data).hexdigest())
    return data


def check_readable_again(option: str, path: Path) -> None:
    """UsageError for a pipe, a device, or a file that only this process can name: `--file <(cat t.txt)`.

    A run that saves needs its inputs again when it is continued.
    """
    alone = path.absolute().parts[:2] in (("/", "dev"), ("/", "proc"))
    if alone or (path.exists() and not path.is_file()):
        fail(option, "a file that can be read a second time, because of --save", path)


def read_tsv(option: str, path: Path, columns: Sequence[str]) -> list[Row]:
    """The lines of a file, split into these columns. Empty cells are refused; blank lines are skipped."""
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
    """The rows of a file. Blank lines and lines that start with # are skipped."""
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
    """The number in a cell, NaN included; None if it is not a number.

    >>> as_number("1e3"), as_number("1_000"), as_number("n/a")
    (1000.0, None, None)
    """
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def finite(option: str, place: str, cell: str) -> float:
    """The number in a cell; UsageError for anything else, NaN and infinities included."""
    number = as_number(cell)
    if number is None or not math.isfinite(number):
        fail(option, "a number", f"{cell!r} in {place}")
    return number
