"""Dates in a column of a table, in one of the usual forms."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

FORMS = (
    "%Y-%m",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%Y/%m/%d %H:%M",
    "%d.%m.%Y %H:%M",
    "%b %d, %Y",
    "%d %b %Y",
)
"""Besides ISO 8601."""
BY_NAME = {"year": "%Y", "date": "%Y%m%d", "month": "%Y%m"}
"""Dates that look like numbers are dates only in a column of this name."""


def read_dates(name: str, cells: Sequence[str]) -> list[datetime] | None:
    """The dates in a column; None if one cell is no date, or if all can be read in two ways.

    Of month/day/year and day/month/year the one that reads all cells, in order, is meant:

    >>> read_dates("day", ["12/30/2023", "01/02/2024"])
    [datetime.datetime(2023, 12, 30, 0, 0), datetime.datetime(2024, 1, 2, 0, 0)]
    """
    forms: list[Callable[[str], datetime]] = [_iso, *(partial(_strptime, form) for form in FORMS)]
    if name.lower() in BY_NAME:
        forms.insert(0, partial(_strptime, BY_NAME[name.lower()]))
    found = [dates for form in forms for dates in [_all(form, cells)] if dates is not None]
    if len(found) > 1 and any(dates != found[0] for dates in found):
        found = [dates for dates in found if dates in (sorted(dates), sorted(dates, reverse=True))]
    return found[0] if found and all(dates == found[0] for dates in found) else None


def _all(form: Callable[[str], datetime], cells: Sequence[str]) -> list[datetime] | None:
    try:
        return [form(cell) for cell in cells]
    except ValueError:
        return None


def _iso(cell: str) -> datetime:
    if cell.isdigit():
        raise ValueError("a number")
    date = datetime.fromisoformat(cell)
    return date if date.tzinfo is None else date.astimezone(UTC).replace(tzinfo=None)


def _strptime(form: str, cell: str) -> datetime:
    return datetime.strptime(cell, form)
