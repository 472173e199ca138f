"""Input files: every content gives a lab or an error of one line, never a traceback."""

import io
import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scratch_rnn import outputs
from scratch_rnn.cli.app import make
from scratch_rnn.labs import UsageError
from scratch_rnn.labs.inputs import files, table
from scratch_rnn.labs.inputs.numbers import as_number
from tests.labs.running import refused
from tests.profiles import at_least

READERS: dict[str, tuple[str, dict[str, Any]]] = {
    "longseq": ("file", {}),
    "charlm": ("file", {"batch_size": 1, "window": 2}),
    "timeseries": ("csv", {"columns": "close", "window": 1}),
    "one-to-many": ("digits", {}),
    "many-to-one": ("examples", {}),
    "seq2seq": ("pairs", {}),
}
TABLES = st.text(st.sampled_from('01\t,\n\r"#.e-naclose \u2028\x00é')).map(str.encode)
JUNK = st.binary() | TABLES | st.tuples(TABLES, st.binary(max_size=3)).map(b"".join)


@pytest.mark.parametrize("name", READERS)
@settings(at_least(120), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk=JUNK)
def test_junk(name: str, junk: bytes, tmp_path: Path) -> None:
    option, others = READERS[name]
    path = tmp_path / "junk"
    path.write_bytes(junk)
    try:
        made: Any = make(name, {**others, option: str(path)})
    except UsageError as error:
        line = str(error)
    else:
        line = "expected a lab, got one"
        made.batch(0)
    assert re.search("expected .*, got", line, flags=re.DOTALL)


def test_an_oversized_cell_of_a_csv_file(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("close\n1\n" + "9" * 140_000 + "\n")
    with pytest.raises(UsageError) as caught:
        table.read_table("--csv", path)
    got = f"{path}, line 3: field larger than field limit (131072)"
    assert str(caught.value) == f"--csv: expected cells whose quotes are closed, got {got}"


@pytest.mark.parametrize("name", READERS)
def test_what_cannot_be_read(name: str, tmp_path: Path) -> None:
    option, others = READERS[name]
    given_others = [word for key, value in others.items() for word in (f"--{key.replace('_', '-')}", value)]
    for path, reason in (
        (tmp_path / "missing", "No such file or directory"),
        (tmp_path, "Is a directory"),
        (tmp_path / "x" / ("y" * 300), "No such file or directory"),
    ):
        line = refused("lab", name, f"--{option}", path, *given_others)
        assert line == f"--{option}: expected a file that can be read, got {path} ({reason})"
    (tmp_path / "latin").write_bytes("one\ntwo\ncaf\xe9\n".encode("latin-1"))
    line = refused("lab", name, f"--{option}", tmp_path / "latin", *given_others)
    assert line == f"--{option}: expected UTF-8, got {tmp_path / 'latin'}, line 3: the byte 0xe9"


@pytest.mark.parametrize("name", READERS)
def test_a_file_without_an_end(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 1000)
    option, others = READERS[name]
    with pytest.raises(UsageError) as caught:
        make(name, {**others, option: "/dev/zero"})
    line = f"--{option}: expected a file of at most 1,000 bytes, got /dev/zero, which has more"
    assert str(caught.value) == line


def test_a_regular_file_of_any_size_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 10)
    (tmp_path / "x").write_bytes(bytes(11))
    assert files.read_bytes("--load", tmp_path / "x", bounded=False) == bytes(11)
    for path, bounded in ((tmp_path / "x", True), (Path("/dev/zero"), False)):
        with pytest.raises(UsageError, match="a file of at most 10 bytes"):
            files.read_bytes("--load", path, bounded=bounded)


def test_a_standard_input_of_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 1000)

    def read(size: int) -> list[str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"x" * size)))
        return files.read_lines("--classify", ["-"])

    assert read(1000) == ["x" * 1000]
    with pytest.raises(UsageError) as caught:
        read(1001)
    line = "--classify: expected a standard input of at most 1,000 bytes, got more"
    assert str(caught.value) == line


def test_text_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes("\ufeffa\r\nb\rc\u2028\n".encode())
    assert files.read_text("--file", path) == "a\nb\nc\u2028\n"


def test_default_data_where_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(files, "DATA", tmp_path / "data")
    for name, data in {
        "charlm": "topics.txt",
        "timeseries": "goog.csv",
        "many-to-one": "sentiment.tsv",
    }.items():
        line = refused("lab", name)
        assert f"or the folder data/ of the project's clone with {data} in it, got none at {tmp_path}" in line


def test_output_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("before")
    with pytest.raises(UnicodeEncodeError), outputs.replacing(path) as part:
        part.write_text("half of it, and then \ud800", encoding="utf-8")
    assert path.read_text() == "before"
    with outputs.replacing(path) as part:
        part.write_text("whole")
        assert path.read_text() == "before"
    assert path.read_text() == "whole"
    assert [each.name for each in tmp_path.iterdir()] == ["out"]


def test_numbers_in_cells() -> None:
    cells = {"1": 1.0, " 2.5 ": 2.5, "-1e3": -1000.0, "": None, "x": None, "1_0": None, "0x1": None}
    assert {cell: as_number(cell) for cell in cells} == cells


WORDS = "caf\xe9 cr\xe8me \uac00\uac01 "
READS_TEXT: dict[str, tuple[str, dict[str, object], Callable[[Any], object]]] = {
    "charseq --text": ("text", {}, lambda lab: (lab.text, lab.symbols)),
    "longseq --text": ("text", {}, lambda lab: lab.alphabet.symbols),
    "longseq --file": ("file", {}, lambda lab: lab.alphabet.symbols),
    "charlm --file": ("file", {"batch_size": 2, "window": 4}, lambda lab: lab.alphabet.symbols),
    "charlm --prompt": ("prompt", {"batch_size": 2, "window": 4, "sample": 1}, lambda lab: lab.prompt),
    "packed --words": ("words", {}, lambda lab: (lab.words, lab.alphabet.symbols)),
}


@pytest.mark.parametrize("case", READS_TEXT)
def test_a_decomposed_text_is_read_as_the_composed_one(case: str, tmp_path: Path) -> None:
    name, option = case.split(" ")
    field, others, read = READS_TEXT[case]
    training = tmp_path / "training.txt"
    training.write_text(WORDS * 20, encoding="utf-8")
    found, notes = [], []
    for form in ("NFC", "NFD"):
        value = unicodedata.normalize(form, WORDS * 20 if field in ("text", "file") else WORDS[:4])
        if field == "prompt":
            others = others | {"file": str(training)}
        elif field != "text":
            path = tmp_path / f"{form}.txt"
            path.write_text(value.replace(" ", "\n") + "x\ny\n", encoding="utf-8")
            value = str(path)
        made = make(name, {**others, field: value})
        found.append(read(made))
        notes.append([note for note in made.warnings if "composed form, NFC" in note])
    assert found[0] == found[1]
    said = path if field in ("file", "words") else option
    assert notes[0] == []
    assert [note.split(" is read in")[0] for note in notes[1]] == [str(said)]
