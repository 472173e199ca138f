"""The code that labs/README.md points to exists, its figures are reproduced, and README.ko.md agrees."""

import re
from collections import Counter
from functools import reduce
from importlib import import_module
from pathlib import Path

import pytest

import scratch_rnn
from tests.labs.running import run

ROOT = Path(scratch_rnn.__file__).parent
TEXT = (ROOT / "labs" / "README.md").read_text(encoding="utf-8")
KOREAN = (ROOT / "labs" / "README.ko.md").read_text(encoding="utf-8")
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


def pieces(text: str) -> list[str]:
    """The sections, and each row of a table by itself."""
    rows = re.sub(r"<!-- .* -->\n", "", text)
    return re.split(r"^(?=## |\| )", rows, flags=re.MULTILINE)


@pytest.mark.parametrize("place", range(len(pieces(TEXT))))
def test_korean_has_the_same_figures_and_code(place: int) -> None:
    english, korean = pieces(TEXT)[place], pieces(KOREAN)[place]
    for pattern in (r"^#+ |\| ", r"`[^`]+`", r"(?<![\w.-])-?\d*[.,]?\d+(?:e-?\d+)?"):
        found, expected = (Counter(re.findall(pattern, text, re.MULTILINE)) for text in (korean, english))
        assert found == expected, pattern


def test_korean_has_as_many_sections_and_rows() -> None:
    assert len(pieces(KOREAN)) == len(pieces(TEXT))
    assert re.findall(r"`[\w/]+\.py:[\w.]+`", KOREAN) == re.findall(r"`[\w/]+\.py:[\w.]+`", TEXT)
