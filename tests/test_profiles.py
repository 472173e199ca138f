"""HYPOTHESIS_PROFILE chooses how many examples are drawn, and whether --hypothesis-seed chooses which."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROPERTIES = """
from hypothesis import given, settings, strategies as st
from tests.profiles import at_least

drawn = []

@at_least(60)
@given(st.integers(0, 10**9))
def test_more(number):
    pass

@given(st.integers(0, 10**9))
def test_some(number):
    drawn.append(number)

def test_what_was_drawn():
    print("drawn", settings().max_examples, at_least(60).max_examples, hash(tuple(drawn)))
"""


def drawn(tmp_path: Path, profile: str | None, seed: int, plugin: str = "tests.profiles") -> list[int]:
    """(examples of a property, of one that wants 60, and a number for which they were)."""
    path = tmp_path / "test_properties.py"
    path.write_text(PROPERTIES)
    options = ["-q", "-s", "-p", plugin, "-p", "no:cacheprovider", f"--hypothesis-seed={seed}"]
    environment = {k: v for k, v in os.environ.items() if k != "HYPOTHESIS_PROFILE"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--rootdir={tmp_path}", str(path)],
        cwd=ROOT,
        env=environment | ({} if profile is None else {"HYPOTHESIS_PROFILE": profile}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [int(word) for word in done.stdout.split("drawn ")[1].split()[:3]]


def test_the_default_draws_the_same_for_any_seed(tmp_path: Path) -> None:
    first = drawn(tmp_path, None, 1)
    assert first[:2] == [25, 60]
    assert drawn(tmp_path, "quick", 2) == first


def test_random_obeys_the_seed(tmp_path: Path) -> None:
    first = drawn(tmp_path, "random", 1)
    assert first[:2] == [25, 60]
    assert drawn(tmp_path, "random", 1) == first != drawn(tmp_path, "random", 2)


def test_thorough_draws_thousands(tmp_path: Path) -> None:
    assert drawn(tmp_path, "thorough", 1, "tests.conftest")[:2] == [2000, 2000]
