"""Files that labs read: UTF-8 text, lines of cells with tabs between them, and the default data.

Every fault of a user's file is a UsageError of one line that names the file, and the line and the column
where that applies.
"""

import hashlib
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import NamedTuple

import scratch_rnn
from scratch_rnn.checks import UsageError, fail, message

MOST_BYTES = 2**28
"""Largest input file."""
OWN = ("/proc", "/dev/fd", "/dev/stdin")
"""What each process sees differently. A regular file may be there: `--file /dev/stdin < t.txt`."""

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


HEADINGS = frozenset(
    (
        *("source", "target", "src", "tgt", "input", "output", "question", "answer", "translation"),
        *("text", "sentence", "word", "label", "class", "category", "sentiment", "polarity", "score"),
        *("digit", "pixels", "image", "english", "korean", "french", "german", "spanish", "japanese"),
        *("en", "eng", "ko", "kor", "fr", "fra", "de", "deu", "es", "spa", "ja", "jpn"),
        *("원문", "번역", "영어", "한국어", "문장", "레이블"),
    )
)
"""Words that name columns."""


class Row(NamedTuple):
    """One line of a table, and its place: file and line number."""

    place: str
    cells: list[str]


class Lines(NamedTuple):
    """The rows of a file, and notes for the user."""

    rows: list[Row]
    notes: list[str]


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
    return _decoded(option, str(path), read_bytes(option, path))


def read_lines(option: str, given: Sequence[str]) -> list[str]:
    """The texts of a repeated option, in NFC; each "-" is replaced by the lines of standard input.

    UsageError for a text without a word, and for a standard input without a line.
    """
    texts: list[str] = []
    for text in given:
        lines = [text]
        if text == "-":
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
            if len(data) > MOST_BYTES:
                fail(option, f"a standard input of at most {MOST_BYTES:,} bytes", "more")
            lines = [line for line in _decoded(option, "standard input", data).split("\n") if line.strip()]
        if not any(line.strip() for line in lines):
            fail(option, "a text", "an empty standard input" if text == "-" else repr(text))
        texts += [unicodedata.normalize("NFC", line) for line in lines]
    return texts


def _decoded(option: str, name: str, data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        fail(option, "UTF-8", f"{name}, line {line}: the byte 0x{data[error.start]:02x}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def composed(name: object, text: str) -> tuple[str, list[str]]:
    """(the text in Unicode's composed form NFC, a note if that changed it). `name` is its file or option.

    The same word can be written in two forms, which are different strings: é is one character in NFC, and
    an e followed by an accent in NFD.
    """
    composed = unicodedata.normalize("NFC", text)
    note = f"{name} is read in Unicode's composed form, NFC: some of its characters are decomposed"
    return composed, [] if composed == text else [note]


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
    alone = any(path.absolute().is_relative_to(own) for own in OWN)
    if alone or (path.exists() and not path.is_file()):
        fail(option, "a file that can be read a second time, because of --save", path)


def read_tsv(option: str, path: Path, columns: Sequence[str], more: bool = False) -> Lines:
    """The lines of a file in NFC, split into these columns. Empty cells are refused; blank lines are skipped.

    With `more`, the columns may be as Tatoeba exports them (_without_numbers), and all lines may have one
    more column, which is ignored: Anki writes the origin of a pair there. A first line that names the columns
    is left out.
    """
    text, notes = composed(path, read_text(option, path))
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line]
    rows = [Row(f"{path}, line {number}", line.split("\t")) for number, line in lines]
    if more and rows and len(rows[0].cells) == 2 * len(columns):
        rows = [_without_numbers(option, row, columns) for row in rows]
        notes.append(f"columns 1 and 3 of {path} are ignored: they are numbers of sentences")
    width = len(columns) + (more and bool(rows) and len(rows[0].cells) == len(columns) + 1)
    for row in rows:
        if len(row.cells) != width:
            fail(option, " TAB ".join(columns), f"{row.place}: {len(row.cells) - 1} tabs")
        for column, cell in zip(columns, row.cells, strict=False):
            if not cell.strip():
                fail(option, f"a {column}", f"{row.place}: an empty one")
    if rows and len(rows[0].cells) > len(columns):
        notes.append(f"column {len(columns) + 1} of {path} is ignored")
    if rows and _names_columns(rows[0].cells[: len(columns)]):
        names = ", ".join(rows[0].cells[: len(columns)])
        notes.append(f"the first line of {path} is left out, as it names the columns: {names}")
        del rows[0]
    if not rows:
        fail(option, f"lines of {' TAB '.join(columns)}", f"none in {path}")
    return Lines([row._replace(cells=row.cells[: len(columns)]) for row in rows], notes)


def _without_numbers(option: str, row: Row, columns: Sequence[str]) -> Row:
    """A line as Tatoeba exports pairs of sentences, number TAB source TAB number TAB target: its texts."""
    numbers, texts = row.cells[::2], row.cells[1::2]
    if len(row.cells) != 2 * len(columns) or not all(number.strip().isdecimal() for number in numbers):
        numbered = " TAB ".join(f"number TAB {column}" for column in columns)
        got = f"{row.place}: {len(row.cells) - 1} tabs, and {' and '.join(map(repr, numbers))} for numbers"
        fail(option, f"{' TAB '.join(columns)}, or {numbered}", got)
    return row._replace(cells=texts)


def _names_columns(cells: Sequence[str]) -> bool:
    """Whether these are different words that name columns.

    >>> _names_columns(["Sentence", "label"]), _names_columns(["good", "1"])
    (True, False)
    """
    words = {cell.strip().strip('"').lower() for cell in cells}
    return len(words) == len(cells) and words <= HEADINGS
