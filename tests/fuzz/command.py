"""One command line of `python -m scratch_rnn` in this process, and what must hold after it.

A command ends with status 0, or with 1 or 2 and one line of error; the numbers that it writes are finite, its
inputs unchanged, and nothing but its outputs is new in the folder.
"""

import io
import json
import math
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import typer.main

from scratch_rnn.cli.app import app

FOLDERS = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where the folders of cases are made: in memory where that is possible, since fsync waits for a disk."""
COMMAND = typer.main.get_command(app)

RESULTS = {
    "basics": ("outputs", "moved_by_word_0"),
    "hihello": ("prediction", "accuracy"),
    "charseq": ("prediction", "accuracy"),
    "longseq": ("prediction", "accuracy"),
    "charlm": ("bits_per_char",),
    "timeseries": ("rmse", "naive_rmse"),
    "seq2seq": ("exact_match", "examples"),
    "packed": ("max_difference_from_one_by_one",),
    "one-to-many": ("exact_match",),
    "many-to-one": ("accuracy", "majority"),
    "memory": ("mse",),
}
"""Keys of a lab's result."""
SHARES = ("accuracy", "majority", "exact_match", "probability")
MAGIC = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


class Fault(Exception):
    """A promise that a command broke."""


class Case(NamedTuple):
    """A command line, the files in its folder, its standard input, and the files that it may write."""

    words: Sequence[str]
    files: dict[str, bytes]
    stdin: bytes = b""
    outputs: Sequence[str] = ()
    links: Sequence[tuple[str, str]] = ()
    """(name, target) of symbolic links in the folder."""


class Ended(NamedTuple):
    """How a command ended: its status or what it raised, what it printed, and Python's warnings."""

    status: int
    raised: BaseException | None
    out: str
    err: str
    warned: list[str]


def invoke(words: Sequence[str], stdin: bytes = b"") -> Ended:
    """Run a command line, with relative paths from the current folder."""
    out, err, status, raised = io.StringIO(), io.StringIO(), 0, None
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin))),
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        try:
            COMMAND.main(list(words), prog_name="python -m scratch_rnn")
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else 1
        except Exception as error:
            raised = error
    return Ended(status, raised, out.getvalue(), err.getvalue(), [str(each.message) for each in caught])


def write(case: Case, folder: Path) -> None:
    """The files of a case in its folder, which must be empty."""
    for name, data in case.files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    for name, target in case.links:
        (folder / name).symlink_to(target)


def check(case: Case, folder: Path) -> int:
    """Run a case in its folder, the current one. Returns its status; Fault where a promise is broken."""
    write(case, folder)
    before = names(folder)
    ended = invoke(case.words, case.stdin)
    expect(ended.raised is None, f"it raised {ended.raised!r}")
    expect(ended.status in (0, 1, 2), f"status {ended.status}")
    expect(not ended.warned, f"a warning of Python: {ended.warned[:1]}")
    expect("Traceback" not in ended.out + ended.err, "a traceback")
    expect("allow_pickle" not in ended.err, "advice to allow pickles")
    for name, data in case.files.items():
        expect((folder / name).read_bytes() == data, f"{name} is overwritten")
    new = names(folder) - before
    expect(new <= set(case.outputs), f"new files {sorted(new)}")
    if ended.status == 0:
        _check_success(case, folder, ended)
    else:
        _check_refusal(case, ended, new)
    return ended.status


def expect(holds: bool, otherwise: str) -> None:
    """Fault unless `holds`."""
    if not holds:
        raise Fault(otherwise)


def names(folder: Path) -> set[str]:
    """Everything in a folder, by its path from there."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def _check_refusal(case: Case, ended: Ended, new: set[str]) -> None:
    lines = [line for line in ended.err.splitlines() if not line.startswith("warning: ")]
    parser = ended.err.startswith("Usage: ") and ended.status == 2
    expect(parser or (len(lines) == 1 and lines[0].startswith("error: ")), f"no line of error: {ended.err!r}")
    expect(ended.out == "" or case.words[0] == "grade", f"output before an error: {ended.out!r}")
    expect(all(name.endswith(".npz") for name in new), f"new files after an error: {sorted(new)}")


def _check_success(case: Case, folder: Path, ended: Ended) -> None:
    warnings_only = all(line.startswith("warning: ") for line in ended.err.splitlines())
    expect(warnings_only, f"standard error after success: {ended.err!r}")
    expect("--quiet" not in case.words or ended.out == "", f"output despite --quiet: {ended.out!r}")
    given = b" ".join([*case.files.values(), case.stdin, *map(os.fsencode, case.words)])
    for word in ("nan", "inf", "-inf"):
        expect(word not in ended.out.split() or word.encode() in given, f"output {ended.out!r}")
    for name in case.outputs:
        expect((folder / name).is_file(), f"no file {name}")
        CHECKS.get(Path(name).suffix.lower(), _check_json)(case, folder / name)


def _check_json(case: Case, path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse, parse_float=_finite)
    if case.words[0] == "lab":
        _check_report(found)


def _refuse(name: str) -> float:
    raise Fault(f"{name} in the JSON file")


def _finite(text: str) -> float:
    expect(math.isfinite(float(text)), f"{text} in the JSON file")
    return float(text)


def _check_report(report: dict[str, Any]) -> None:
    keys = {"lab", "settings", "max_relative_loss_difference", "runs"}
    expect(report.keys() == keys, f"the JSON file has keys {sorted(report)}")
    settings, runs = report["settings"], report["runs"]
    expect(len(runs) > 0, "no runs")
    for run in runs:
        expect(
            run.keys() == {"impl", "losses", "parameters", "seconds", "result"}, f"a run has {sorted(run)}"
        )
        losses, result = run["losses"], run["result"]
        if settings.get("steps") is not None:
            expect(len(losses) == settings["steps"], f"{len(losses)} losses of {settings['steps']} steps")
        expect(bool(losses) == ("lr" in settings), f"{len(losses)} losses")
        expect(run["parameters"] > 0, "no parameters")
        missing = [key for key in RESULTS[report["lab"]] if key not in result]
        expect(not missing, f"the result lacks {missing}")
        shares = [result[key] for key in SHARES if key in result]
        expect(all(0 <= share <= 1 for share in shares), f"shares {shares}")


def _check_arrays(case: Case, path: Path) -> None:
    """An .npz file without pickles; finite, unless weights that are not were converted."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    expect(len(arrays) > 0, f"no arrays in {path.name}")
    if case.words[0] == "lab":
        numbers = [array for array in arrays.values() if array.dtype.kind == "f"]
        expect(all(np.isfinite(array).all() for array in numbers), f"{path.name} is not finite")


def _check_picture(case: Case, path: Path) -> None:
    expect(path.read_bytes().startswith(MAGIC[path.suffix.lower()]), f"{path.name} is no picture")


CHECKS: dict[str, Callable[[Case, Path], None]] = {
    ".npz": _check_arrays,
    **dict.fromkeys(MAGIC, _check_picture),
}
"""By suffix of an output; any other file is JSON."""
