"""Files that labs read: UTF-8 text, lines of cells with tabs between them, and the default data.

Every fault of a user's file is a UsageError of one line that names the file, and the line and the column
where that applies.
"""

import hashlib
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

import scratch_rnn
from scratch_rnn.checks import UsageError, fail, message

MOST_BYTES = 2**28
"""Largest input file."""

DATA = Path(scratch_rnn.__file__).parents[1] / "data"
"""The folder of default data, in the project's clone."""


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


def composed(path: Path, text: str) -> tuple[str, list[str]]:
    """(the text in Unicode's composed form NFC, a note if that changed it).

    The same word can be written in two forms, which are different strings: é is one character in NFC, and
    an e followed by an accent in NFD.
    """
    composed = unicodedata.normalize("NFC", text)
    note = f"{path} is read in Unicode's composed form, NFC: some of its characters are decomposed"
    return composed, [] if composed == text else [note]


def read_bytes(option: str, path: Path, bounded: bool = True) -> bytes:
    """The bytes of a file; UsageError if there are more than MOST_BYTES.

    Only a regular file may be read without this bound: a device or a pipe may have no end.
    """
    try:
        with path.open("rb") as file:
            if not bounded and S_ISREG(os.fstat(file.fileno()).st_mode):
                return file.read()
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            fail(option, f"a file of at most {MOST_BYTES:,} bytes", f"{path}, which has more")
        return data
    except (OSError, ValueError) as error:
        fail(option, "a file that can be read", f"{path} ({getattr(error, 'strerror', None) or error})")


def digest(option: str, path: str) -> str:
    """The sha256 of a file."""
    return hashlib.sha256(read_bytes(option, Path(path))).hexdigest()


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
