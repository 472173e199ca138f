"""Pairs of sentences: which lines of a file are used, and the errors of bad ones."""

from pathlib import Path
from typing import Any

import pytest

from scratch_rnn.cli.app import make
from scratch_rnn.labs.inputs.pairs import COURSE, encode, read_pairs, vocabularies
from tests.labs.running import refused, run


def test_two_pairs_are_enough(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("\ufeffone\tuno\r\n\r\ntwo\tdue\r\n", encoding="utf-8")
    result = run("seq2seq", pairs=str(path), steps=1).result
    assert (result["training_pairs"], result["test_pairs"], result["unknown_source_words"]) == (1, 1, 1)
    assert result["examples"][0]["source"] == "two"


TABLE = "expected source TAB target, got {}"
TATOEBA = "expected source TAB target, or number TAB source TAB number TAB target, got {}"
BAD = {
    "no tab": (b"a\tb\n\na b\n", f"{TABLE}, line 3: 0 tabs"),
    "two tabs once": (b"a\tb\na\tb\tc\n", f"{TABLE}, line 2: 2 tabs"),
    "one tab once": (b"a\tb\tc\na\tb\n", f"{TABLE}, line 2: 1 tabs"),
    "three tabs": (b"a\tb\tc\td\n", f"{TATOEBA}, line 1: 3 tabs, and 'a' and 'c' for numbers"),
    "no numbers": (b"1\ta\t2\tb\n1\ta\tx\tb\n", f"{TATOEBA}, line 2: 3 tabs, and '1' and 'x' for numbers"),
    "a number less": (b"1\ta\t2\tb\n1\ta\tb\n", f"{TATOEBA}, line 2: 2 tabs, and '1' and 'b' for numbers"),
    "no text beside a number": (b"1\ta\t2\t\n", "expected a target, got {}, line 1: an empty one"),
    "four tabs": (b"1\ta\t2\tb\t3\n", f"{TABLE}, line 1: 4 tabs"),
    "header alone": (b"English\tKorean\n", "expected lines of source TAB target, got none in {}"),
    "no source": (b"a\tb\n \tb\n", "expected a source, got {}, line 2: an empty one"),
    "no target": (b"a\t\n", "expected a target, got {}, line 1: an empty one"),
    "empty": (b"\n", "expected lines of source TAB target, got none in {}"),
    "all too long": (
        b"a" + 9 * b" a" + b"\tb\na\tb" + 11 * b" b",
        "expected a pair of fewer than 10 and fewer than 12 words, got none in {}, 2 too long",
    ),
    "not UTF-8": (b"a\tb\nb\t\xe9\n", "expected UTF-8, got {}, line 2: the byte 0xe9"),
}


@pytest.mark.parametrize("option", ["--pairs", "--test-pairs"])
@pytest.mark.parametrize("case", BAD)
def test_bad_files(case: str, option: str, tmp_path: Path) -> None:
    content, error = BAD[case]
    path = tmp_path / "bad.tsv"
    path.write_bytes(content)
    good = tmp_path / "good.tsv"
    good.write_text("a\tb\n")
    options = [option, path] if option == "--pairs" else ["--pairs", good, option, path]
    assert refused("lab", "seq2seq", *options) == f"{option}: {error.format(path)}"


def test_one_pair_cannot_be_split(tmp_path: Path) -> None:
    path = tmp_path / "one.tsv"
    path.write_text(f"a\tb\na\t{'b ' * 12}\n")
    error = refused("lab", "seq2seq", "--pairs", path)
    assert error == f"--pairs: expected at least 2 pairs, or --test-pairs, got 1 in {path}, 1 too long"


def test_limits_leave_out_the_courses_longer_pairs() -> None:
    chosen: Any = make("seq2seq", {"max_source_words": 5, "max_target_words": 4})
    assert chosen.test == [COURSE[0], COURSE[1]]
    assert chosen.dropped == 2


def test_a_batch_is_padded() -> None:
    pairs = [("a b c", "x"), ("c", "y x")]
    side = encode(vocabularies(pairs, "word")[0], ["c q", "a b c", "q"])
    assert side.unknown == [1, 0, 1]
    padded, lengths = side.batch([2, 1])
    assert padded.tolist() == [[3, 2, 0, 0], [4, 5, 6, 2]]
    assert lengths == [2, 4]


def test_columns_and_a_header_that_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "anki.txt"
    path.write_text("English\tKorean\tAttribution\nGo.\t가.\tCC-BY 2.0\nHi.\t안녕.\t\n", encoding="utf-8")
    pairs, notes = read_pairs("--pairs", path)
    assert pairs == [("go.", "가."), ("hi.", "안녕.")]
    assert notes == [
        f"column 3 of {path} is ignored",
        f"the first line of {path} is left out, as it names the columns: English, Korean",
    ]
    path.write_text("question\tquestion\na\tb\n", encoding="utf-8")
    assert read_pairs("--pairs", path) == ([("question", "question"), ("a", "b")], [])


def test_pairs_of_sentences_as_tatoeba_exports_them(tmp_path: Path) -> None:
    path = tmp_path / "tatoeba.tsv"
    path.write_text("\ufeff1276\tLet's go!\t2977\t가자!\n1277\tI  see.\t3082\t그렇군.\n", encoding="utf-8")
    pairs, notes = read_pairs("--pairs", path)
    assert pairs == [("let's go!", "가자!"), ("i see.", "그렇군.")]
    assert notes == [f"columns 1 and 3 of {path} are ignored: they are numbers of sentences"]
    path.write_text("12\t13\n14\t15\n", encoding="utf-8")
    assert read_pairs("--pairs", path) == ([("12", "13"), ("14", "15")], [])


def test_one_word_in_two_forms_of_unicode(tmp_path: Path) -> None:
    composed, decomposed = tmp_path / "nfc.tsv", tmp_path / "nfd.tsv"
    composed.write_text("caf\xe9\t\uac00\n", encoding="utf-8")
    decomposed.write_text("cafe\u0301\t\u1100\u1161\n", encoding="utf-8")
    chosen: Any = make("seq2seq", {"pairs": str(composed), "test_pairs": str(decomposed)})
    assert (chosen.test_sources.unknown, chosen.test_targets.unknown) == ([0], [0])
    assert any(
        note.startswith(f"{decomposed} is read in Unicode's composed form") for note in chosen.warnings
    )
    assert not any(str(composed) in note for note in chosen.warnings)
