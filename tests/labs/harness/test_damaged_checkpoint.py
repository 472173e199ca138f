"""Truncated, damaged and random files are refused with one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scratch_rnn.checks import UsageError
from scratch_rnn.labs.harness.checkpoint import read_checkpoint
from tests.labs.running import lab
from tests.profiles import at_least


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "saved.npz"
    lab("charseq", "--impl", "numpy", "--steps", 4, "--save", path)
    return path


@settings(at_least(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_truncated_and_damaged_files(saved: Path, data: Any) -> None:
    whole = saved.read_bytes()
    junk = saved.with_name("junk.npz")
    if data.draw(st.booleans()):
        junk.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    else:
        start = data.draw(st.integers(0, len(whole) - 1))
        damage = data.draw(st.binary(min_size=1, max_size=40))
        junk.write_bytes(whole[:start] + damage + whole[start + len(damage) :])
    assert_one_line_or_the_same(junk, saved)


@settings(at_least(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=st.binary() | st.binary().map(lambda end: b"PK\x03\x04" + end) | st.just(b"\x93NUMPY\x01\x00"))
def test_random_bytes(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "junk.npz"
    path.write_bytes(junk)
    with pytest.raises(UsageError, match="--load: expected a checkpoint that --save wrote, got"):
        read_checkpoint(path, "charseq", "numpy")


def assert_one_line(line: str) -> None:
    assert len(line.splitlines()) == 1
    assert line.startswith("--load: expected a checkpoint ")


def assert_one_line_or_the_same(junk: Path, whole: Path) -> None:
    """The damaged byte may be unused: then the content is unchanged."""
    try:
        read = read_checkpoint(junk, "charseq", "numpy")
    except UsageError as error:
        line = str(error)
        assert_one_line(line)
        return
    expected = read_checkpoint(whole, "charseq", "numpy")
    assert read.about == expected.about
    assert all(np.array_equal(array, expected.arrays[name]) for name, array in read.arrays.items())
