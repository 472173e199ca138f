"""The code that labs/README.md points to exists, and its figures are reproduced."""

import re
from functools import reduce
from importlib import import_module
from pathlib import Path

import pytest

import scratch_rnn
from tests.labs.running import run

ROOT = Path(scratch_rnn.__file__).parent
TEXT = (ROOT / "labs" / "README.md").read_text(encoding="utf-8")
POINTERS = sorted(set(re.findall(r"`([\w/]+)\.py:([\w.]+)`", TEXT)))


def test_there_are_pointers() -> None:
    note, _, _ = TEXT.partition("## Beyond the note")
    rows = [line for line in note.splitlines() if line.startswith("| ") and " | shown by |" not in line]
    assert len(rows) > 25
    assert all(re.search(r"\.py:[\w.]+` \|$", row) for row in rows)


@pytest.mark.parametrize(("file", "name"), POINTERS)
def test_pointers(file: str, name: str) -> None:
    module = f"labs/{file}" if (ROOT / "labs" / f"{file}.py").exists() else file
    assert reduce(getattr, name.split("."), import_module(f"scratch_rnn.{module.replace('/', '.')}"))


def test_a_large_learning_rate() -> None:
    """With .1 and 100 steps the result depends on the seed; this seed has many errors."""
    assert run("longseq", lr=0.1, steps=100, seed=1).result["wrong_from_second"] > 50
