"""Grade a reader's file: find out which exercise it is, run it in a process of its own, and report."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from textwrap import wrap
from typing import Any

from scratch_rnn.checks import fail
from scratch_rnn.exercises.catalogue import EXERCISES, Exercise, recognise
from scratch_rnn.exercises.run import LIMIT
from scratch_rnn.labs.inputs.files import read_bytes


def grade(file: Path) -> tuple[list[str], bool]:
    """Run a file and compare all its results with the project's: the report, and whether all is right.

    UsageError for a file that cannot be read, is not Python or is none of the exercises.
    """
    name = recognise(read_bytes("grade", file), str(file))
    with tempfile.TemporaryDirectory() as folder:
        report, stopped = Path(folder) / "report.json", Path(folder) / "stopped.txt"
        files = map(str, (file, report, stopped))
        command = [sys.executable, "-m", "scratch_rnn.exercises.run", name, *files]
        path = os.pathsep.join(["", *sys.path])
        subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, check=False)
        if report.is_file():
            return _report(EXERCISES[name], file, json.loads(report.read_text(encoding="utf-8")))
        text = stopped.read_text(encoding="utf-8") if stopped.is_file() else ""
    return [f"{file}: {EXERCISES[name].title}", _stopped(text, file)], False


def _report(exercise: Exercise, file: Path, result: dict[str, Any]) -> tuple[list[str], bool]:
    """The lines to print, and whether all is right."""
    if "unreadable" in result:
        fail("grade", "a file that can be imported", f"{file}, {result['unreadable']}")
    verdicts: dict[str, str] = result["verdicts"]
    width = max(map(len, verdicts))
    reason = "the clone's folder reference/ is missing" if exercise.in_torch else "it has no such cell"
    torch = " and torch.nn" if result["torch"] else f"; not with torch.nn: {reason}"
    lines = [f"{file}: {exercise.title}", f"compared with scratch_rnn/numpy_bptt/{exercise.path}{torch}"]
    gradients = any(name.startswith("d_") for name in verdicts)
    lines += ["d_q is the gradient of the loss with respect to q"] * gradients
    lines += [f"  {name:{width}}  {verdict}" for name, verdict in verdicts.items()]
    right = set(verdicts.values()) == {"right"}
    lines.append("all right" if right else result["found"] or "")
    options: Any = {"subsequent_indent": "    ", "break_on_hyphens": False, "break_long_words": False}
    return [row for line in lines for row in wrap(line, 80, **options)], right


def _stopped(text: str, file: Path) -> str:
    """Why the process ended without a report; `text` is the stack at the time limit."""
    found = re.search(rf'File "{re.escape(str(file))}", line (\d+) in (\S+)', text)
    where = f" at line {found[1]}, in {found[2]}: the loop there may not end" if found else ""
    return f"stopped after {LIMIT:g} seconds{where}" if text else "the file ended the process that ran it"
