"""Numbers in the cells of a table, with a decimal point or a decimal comma.

A cell such as 1,234 can be read in two ways. The other cells of a file tell which one is meant: 12,5 has a
decimal comma, 1,234,567 and 1,234.5 a decimal point. If no cell tells, the file is ambiguous.
"""

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

from scratch_rnn.checks import fail

MISSING = frozenset(("", "-", ".", "?", "nan", "na", "n/a", "#n/a", "<na>", "nat", "null", "none"))
"""How programs write a missing value, in lower case."""

GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?", re.ASCII)
"""A number with commas between its thousands."""
SWAPPED = str.maketrans(",.", ".,")


class Cell(NamedTuple):
    """A cell, and its place: file, line and column."""

    text: str
    place: str


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value.

    >>> is_missing("N/A"), is_missing("0")
    (True, False)
    """
    return cell.lower() in MISSING


def as_number(cell: str, decimal: str = ".") -> float | None:
    """The number in a cell, NaN included; None if it is not a number. `decimal` is "." or ",".

    >>> as_number("1e3"), as_number("1,234.5"), as_number("1.234,5", decimal=",")
    (1000.0, 1234.5, 1234.5)
    >>> as_number("1_000"), as_number("1,5"), as_number("n/a")
    (None, None, None)
    """
    text = cell.translate(SWAPPED) if decimal == "," else cell
    if "," in text and GROUPED.fullmatch(text):
        text = text.replace(",", "")
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def finite(option: str, place: str, cell: str, decimal: str = ".", expected: str = "a number") -> float:
    """The number in a cell; UsageError for anything else, NaN and infinities included."""
    number = as_number(cell, decimal)
    if number is None or not math.isfinite(number):
        fail(option, expected, f"{cell!r} in {place}")
    return number


def decimal_sign(option: str, cells: Iterable[Cell]) -> str:
    """The decimal sign of a file, "." or ",". UsageError if its cells contradict each other, or do not tell.

    >>> decimal_sign("--csv", [Cell("1,234", "line 1"), Cell("0,5", "line 2")])
    ','
    """
    proof: dict[str, Cell] = {}
    unclear: Cell | None = None
    for cell in cells:
        if "," not in cell.text and "." not in cell.text:
            continue
        point, comma = as_number(cell.text, "."), as_number(cell.text, ",")
        if point is not None and comma is not None:
            unclear = unclear or (cell if "," in cell.text else None)
        elif point is not None:
            proof.setdefault(".", cell)
        elif comma is not None:
            proof.setdefault(",", cell)
    if len(proof) == 2:
        got = " and ".join(f"{cell.text!r} in {cell.place}" for cell in proof.values())
        fail(option, "numbers with one decimal sign, or --decimal", got)
    if not proof and unclear is not None:
        expected = "--decimal point or comma, since the numbers do not tell which"
        fail(option, expected, f"{unclear.text!r} in {unclear.place}")
    return next(iter(proof), ".")
