"""A few cases of each part of tests/fuzz.py."""

import pytest

from scratch_rnn.labs import LABS
from tests import fuzz


@pytest.mark.parametrize("name", fuzz.READERS)
def test_files(name: str) -> None:
    fuzz.fuzz_reader(name, 1, 10)


@pytest.mark.parametrize("name", LABS)
def test_options(name: str) -> None:
    fuzz.fuzz_options(name, 1, 5)


def test_kills() -> None:
    fuzz.kills(1, 1, steps=500)


def test_two_writers() -> None:
    fuzz.writers(1)
