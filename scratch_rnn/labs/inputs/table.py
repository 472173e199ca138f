"""Tables of separated values: the separator, quotes, comments and lines of one file, by one parser.

Quotes are read first: a separator or a # inside a quoted cell is text. A quoted cell may hold line
breaks, but not a line that could be a row of its own: then a quote was probably left open, and the file is
refused with the line of that quote.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from scratch_rnn.checks import fail
from scratch_rnn.labs.inputs.files import Row, composed, read_text

SEPARATORS = ("\t", ";", "|", ",", " ")
"""What is tried where the user names none: first those that do not occur in numbers."""
NAMES = {"tab": "\t", "\\t": "\t", "space": " "}
"""Separators that are hard to type."""
SAMPLE = 100
"""Lines that the separator is found in."""
QUOTED = re.compile(r'"[^"]*"')


class Table(NamedTuple):
    """The rows of a file, its separator, the comment just before the first row without its #, and notes."""

    rows: list[Row]
    separator: str
    comment: Row | None
    notes: list[str]


def read_table(option: str, path: Path, separator: str | None = None) -> Table:
    """Read a file. Blank lines and lines that start with # are skipped.

    UsageError for a file without rows, and for quotes that are not closed.
    """
    text, notes = composed(path, read_text(option, path))
    lines = text.split("\n")
    sign = find_separator(lines) if separator is None else separator_of(separator)
    rows: list[Row] = []
    comment = None
    for first, cells in _records(option, path, lines, sign):
        if not rows and first > 1 and lines[first - 2].startswith("#"):
            heading = lines[first - 2].lstrip("# ")
            comment = Row(f"{path}, line {first - 1}", _cells(heading, sign))
        rows.append(Row(f"{path}, line {first}", [cell.strip() for cell in cells]))
    if not rows:
        fail(option, "rows of separated values", f"none in {path}")
    return Table(rows, sign, comment, notes)


def separator_of(given: str) -> str:
    """The separator that --separator names; UsageError for one that numbers contain.

    >>> separator_of("space"), separator_of(";")
    (' ', ';')
    """
    separator = NAMES.get(given.lower(), given)
    if len(separator) != 1 or separator.isalnum() or separator in '"#.+-_\r\n':
        fail("--separator", "one character that is not part of a number, tab or space", repr(given))
    return separator


def find_separator(lines: Sequence[str]) -> str:
    """The separator that divides most lines into as many cells as the first; a comma if none does.

    Unlike csv.Sniffer it prefers a separator that does not occur in numbers:

    >>> find_separator(["1,5;2,5", "3,5;4,5"])
    ';'
    """
    plain = [QUOTED.sub("", line) for line in lines if line.strip() and not line.startswith("#")][:SAMPLE]
    agreeing = {}
    for separator in SEPARATORS:
        widths = [len(line.split(None if separator == " " else separator)) for line in plain]
        agreeing[separator] = widths.count(widths[0]) if widths and widths[0] > 1 else 0
    best = max(SEPARATORS, key=lambda separator: agreeing[separator])
    return best if 2 * agreeing[best] > len(plain) else ","


def _records(
    option: str, path: Path, lines: Sequence[str], separator: str
) -> Iterator[tuple[int, list[str]]]:
    """(number of its first line, cells) of every row."""
    record: list[int] = []

    def feed() -> Iterator[str]:
        for number, line in enumerate(lines, 1):
            if not record and line.startswith("#"):
                yield "\n"
            else:
                record.append(number)
                yield line + "\n"

    width = 0
    reader = csv.reader(feed(), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        for cells in reader:
            width = width or len(cells)
            if any(_could_be_a_row(lines[number - 1], separator, width) for number in record[1:]):
                got = f"{path}, line {record[0]}: one that includes {len(record) - 1} more lines"
                fail(option, "quotes that are closed in their cell", got)
            if len(cells) > 1 or "".join(cells).strip():
                yield record[0], cells
            record.clear()
    except csv.Error as error:
        fail(option, "cells whose quotes are closed", f"{path}, line {record[0]}: {error}")


def _could_be_a_row(line: str, separator: str, width: int) -> bool:
    """Whether a line inside of a quoted cell has as many cells as a row, the first of them complete."""
    return separator in line.partition('"')[0] and line.count(separator) + 1 >= width


def _cells(line: str, separator: str) -> list[str]:
    """The cells of one line, without quotes around them."""
    return [cell.strip().strip('"') for cell in line.split(None if separator == " " else separator)]
