"""A few cases of each group of tests/fuzz, and faults that it must find."""

import os
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from scratch_rnn.cli import arguments
from scratch_rnn.labs.inputs import files
from scratch_rnn.labs.inputs.files import DATA
from tests.fuzz import groups
from tests.fuzz.command import FOLDERS, Case, Fault, check
from tests.fuzz.groups import GROUPS, OPTIONS, READERS

SEED = 1


def run(group: str, cases: range) -> None:
    for number in cases:
        with TemporaryDirectory(dir=FOLDERS) as folder, chdir(folder):
            GROUPS[group].check(groups.draw_of(SEED, group, number), Path(folder))


@pytest.mark.parametrize("name", [group.name for group in READERS])
def test_readers(name: str) -> None:
    run(name, range(10))


@pytest.mark.parametrize("name", [group.name for group in OPTIONS])
def test_options(name: str) -> None:
    run(name, range(5))


def test_kills_and_writers() -> None:
    """In a process of its own: a process with threads, as pytest's, is not to be forked."""
    words = [sys.executable, "-m", "tests.fuzz", "--only", "kills", "--only", "writers", "--cases", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=DATA.parent, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("0 faults, ")


def test_a_traceback_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted bug: bytes that are not UTF-8 are not translated to one line."""
    monkeypatch.setattr(files, "_decoded", lambda option, name, data: data.decode("utf-8-sig"))
    with pytest.raises(Fault, match="it raised UnicodeDecodeError"):
        run("packed --words", range(12, 13))


def test_an_overwritten_input_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted bug: files are compared by the spelling of their paths."""
    monkeypatch.setattr(arguments, "same_file", lambda one, other: one == other)
    with pytest.raises(Fault, match="is overwritten"):
        run("options of packed", range(72, 72 + 1))


@pytest.mark.parametrize(
    ("words", "outputs", "text"),
    [
        (("lab", "basics", "--quiet"), ("out.json",), "no file out.json"),
        (("lab", "basics", "--quiet", "--json", "out.json"), (), r"new files \['out.json'\]"),
    ],
)
def test_other_faults_are_found(
    words: tuple[str, ...], outputs: tuple[str, ...], text: str, tmp_path: Path
) -> None:
    with chdir(tmp_path), pytest.raises(Fault, match=text):
        check(Case([*words, "--impl", "numpy"], {}, b"", outputs), tmp_path)
