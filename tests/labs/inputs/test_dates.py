"""Dates in a column of a table."""

from datetime import datetime

import pytest

from scratch_rnn.labs.inputs.dates import read_dates

THIRD, FOURTH = datetime(2024, 1, 3), datetime(2024, 1, 4)


@pytest.mark.parametrize(
    "cells",
    [
        ["2024-01-03", "2024-01-04"],
        ["2024-01-03T00:00:00", "2024-01-04T00:00:00"],
        ["2024-01-03 00:00:00+00:00", "2024-01-04 00:00:00+00:00"],
        ["2024/01/03", "2024/01/04"],
        ["03.01.2024", "04.01.2024"],
        ["Jan 03, 2024", "Jan 04, 2024"],
        ["3 Jan 2024", "4 Jan 2024"],
        ["20240103", "20240104"],
    ],
)
def test_forms(cells: list[str]) -> None:
    assert read_dates("Date", cells) == [THIRD, FOURTH]


def test_two_orders_of_month_and_day() -> None:
    assert read_dates("date", ["01/31/2024", "02/01/2024"]) == [datetime(2024, 1, 31), datetime(2024, 2, 1)]
    assert read_dates("date", ["30/01/2024", "01/02/2024"]) == [datetime(2024, 1, 30), datetime(2024, 2, 1)]
    assert read_dates("date", ["01/02/2024", "02/01/2024"]) is None, "both are in order"


def test_what_is_no_date() -> None:
    assert read_dates("volume", ["20240103", "20240104"]) is None
    assert read_dates("year", ["2023", "2024"]) == [datetime(2023, 1, 1), datetime(2024, 1, 1)]
    assert read_dates("date", ["2024-01-03", ""]) is None
    assert read_dates("date", ["2024-01-03", "2024-01-32"]) is None
