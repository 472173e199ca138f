"""Grade a reader's file: find out which exercise it is, run it in a process of its own, and report."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from scratch_rnn.checks import fail
from scratch_rnn.exercises.catalogue import EXERCISES, recognise
from scratch_rnn.exercises.run import LIMIT


def grade(file: Path) -> tuple[list[str], bool]:
    """Run a file and compare all its results with the project's: the report, and whether all is right.

    UsageError for a file that cannot be read, is not Python or is none of the exercises.
    """
    try:
        source = file.read_bytes()
    except (OSError, ValueError) as error:
        fail("grade", "a file that can be read", f"{file} ({getattr(error, 'strerror', None) or error})")
    name = recognise(source, str(file))
    head = f"{file}: {EXERCISES[name].title}, compared with scratch_rnn/numpy_bptt/{EXERCISES[name].path}"
    with tempfile.TemporaryDirectory() as folder:
        report, stopped = Path(folder) / "report.json", Path(folder) / "stopped.txt"
        command = [
            sys.executable,
            "-m",
            "scratch_rnn.exercises.run",
            name,
            str(file),
            str(report),
            str(stopped),
        ]
        path = {"PYTHONPATH": os.pathsep.join(["", *sys.path])}
        subprocess.run(command, env=os.environ | path, check=False)
        if report.is_file():
            return _report(head, file, json.loads(report.read_text(encoding="utf-8")))
        text = stopped.read_text(encoding="utf-8") if stopped.is_file() else ""
    return [head, _stopped(text, file)], False


def _report(head: str, file: Path, result: dict[str, Any]) -> tuple[list[str], bool]:
    if "unreadable" in result:
        fail("grade", "a file that can be imported", f"{file}, {result['unreadable']}")
    verdicts: dict[str, str] = result["verdicts"]
    width = max(map(len, verdicts))
    lines = [head + (" and with torch.nn" if result["torch"] else "")]
    if not result["torch"]:
        lines.append("not compared with torch.nn: that needs the folder reference/ of the project's clone")
    lines += [f"  {name:{width}}  {verdict}" for name, verdict in verdicts.items()]
    right = set(verdicts.values()) == {"right"}
    last = "all right" if right else result["found"]
    return [*lines, *([last] if last else [])], right


def _stopped(text: str, file: Path) -> str:
    """Why the process ended without a report; `text` is the stack at the time limit."""
    found = re.search(rf'File "{re.escape(str(file))}", line (\d+) in (\S+)', text)
    where = f" at line {found[1]}, in {found[2]}: the loop there may not end" if found else ""
    return f"stopped after {LIMIT:g} seconds{where}" if text else "the file ended the process that ran it"
