"""The default data of the labs is the data that data/README.md describes."""

import hashlib
import re

import numpy as np
import pytest

from scratch_rnn.cli.app import make
from scratch_rnn.labs.inputs.files import DATA, read_text
from scratch_rnn.labs.inputs.series import read_series

SUMS = dict(line.split("  ")[::-1] for line in (DATA / "SHA256SUMS").read_text().splitlines())


@pytest.mark.parametrize("name", SUMS)
def test_digests(name: str) -> None:
    digest = hashlib.sha256((DATA / name).read_bytes()).hexdigest()
    assert digest == SUMS[name]
    assert f"| `{digest}` |" in (DATA / "README.md").read_text(encoding="utf-8")


def test_nothing_is_left_out() -> None:
    found = {path.name for path in DATA.iterdir() if path.suffix in (".csv", ".tsv", ".txt")}
    assert found == set(SUMS)


def test_rows() -> None:
    stated = dict(re.findall(r"^\| (\S+) \|.*?\| ([\d,]+)(?: characters)? \|", _readme(), flags=re.MULTILINE))
    counts = {
        "goog.csv": len(read_series(DATA / "goog.csv", ["open", "high", "low", "close", "volume"]).values),
        "sunspots.csv": len(read_series(DATA / "sunspots.csv", ["year", "sunspots"]).values),
        "topics.txt": len(read_text("", DATA / "topics.txt")),
        "this.txt": len(read_text("", DATA / "this.txt")),
    }
    counts |= {
        name: len((DATA / name).read_text(encoding="utf-8").splitlines())
        for name in SUMS
        if name not in counts
    }
    assert {name: int(count.replace(",", "")) for name, count in stated.items()} == counts


def test_no_word_is_on_both_sides() -> None:
    for name in ("sentiment", "emoji_en_ko"):
        sides = [
            {
                line.split("\t")[0]
                for line in (DATA / f"{name}{end}.tsv").read_text(encoding="utf-8").splitlines()
            }
            for end in ("", "_test")
        ]
        assert not sides[0] & sides[1]


def test_labels_and_pixels() -> None:
    images, labels = make("one-to-many", {})._read("", DATA / "digits.tsv")  # type: ignore[attr-defined]
    assert images.shape == (1347, 64)
    assert (images.min(), images.max()) == (0, 1)
    assert np.bincount(labels).min() > 100
    lines = make("many-to-one", {})._read("", DATA / "sentiment.tsv")  # type: ignore[attr-defined]
    positive = sum(label == "1" for _, label in lines)
    assert 0.4 < positive / 1129 < 0.6


def _readme() -> str:
    return (DATA / "README.md").read_text(encoding="utf-8")
