"""What runs a reader's file: `python -m scratch_rnn.exercises.run EXERCISE FILE REPORT STOPPED`.

It is a process of its own, started by grade.py. It writes the grade to REPORT. A file that runs longer than
LIMIT seconds ends the process, and STOPPED then has the line that was running.
"""

import ast
import faulthandler
import json
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np

from scratch_rnn.checks import UsageError
from scratch_rnn.exercises.cases import runs
from scratch_rnn.exercises.catalogue import EXERCISES, functions
from scratch_rnn.exercises.equations import first_wrong
from scratch_rnn.exercises.values import difference
from scratch_rnn.exercises.watch import Event, check_helpers, load, numbered

UNUSABLE = "what it returns cannot be used: "
LIMIT = 5.0
"""Seconds that a reader's file may take."""


def main(name: str, file: Path, report: Path, stopped: Path) -> None:
    """Grade one file."""
    grader, planned, oracles = Grader(name, file), list(runs(name)), list[dict[str, Any]]()
    with suppress(UsageError):  # without reference/ there is no torch.nn
        oracles = [oracle() for _, oracle in planned if grader.exercise.in_torch]
    with stopped.open("w", encoding="utf-8") as trace:
        watchdog = Timer(LIMIT, faulthandler.dump_traceback, [trace])  # it has the GIL: no frame changes
        watchdog.start()
        faulthandler.dump_traceback_later(LIMIT + 1, exit=True, file=trace)  # needs no GIL
        try:
            load(file, "given", ())
        except (Exception, SystemExit) as error:
            result: dict[str, Any] = {"unreadable": grader.where(error)}
        else:
            for (run, _), oracle in zip(planned, oracles or [{}] * len(planned), strict=True):
                grader.grade(run, oracle)
            result = {"verdicts": grader.verdicts, "found": grader.found, "torch": bool(oracles)}
        finally:
            watchdog.cancel()
            faulthandler.cancel_dump_traceback_later()
    report.write_text(json.dumps(result), encoding="utf-8")


class Grader:
    """Collects what is right and wrong over the runs of an exercise, and the first equation that is wrong."""

    def __init__(self, name: str, file: Path) -> None:
        self.exercise, self.file = EXERCISES[name], file
        self.source = self.exercise.read()
        self.verdicts: dict[str, str] = {}
        """By result: "right", or how it is wrong; by function: an exception, or "not written yet"."""
        self.found: str | None = None

    def grade(self, run: Callable[[Any], dict[str, Any]], oracle: dict[str, Any]) -> None:
        """Run the project's file and the reader's, and compare."""
        watched = numbered(self.source)
        real, real_events = load(self.exercise.file, "real", watched)
        given, events = load(self.file, "given", watched)
        check_helpers(given, events, real, watched)
        expected, right = run(real), True
        try:
            with np.errstate(all="ignore"):
                results = run(given)
        except NotImplementedError as error:
            tree, blank = ast.parse(self.file.read_bytes()), [ast.Expr, ast.Raise]  # a docstring, and `raise`
            unreached = [name for name, node in functions(tree) if [*map(type, node.body)] == blank]
            self.verdicts |= dict.fromkeys([self._frames(error)[-1][0], *unreached], "not written yet")
            return
        except (Exception, SystemExit) as error:
            calls = ["error", *(each.call[0] for each in events if isinstance(each, Event))]
            function, cause = next(((name, "") for name, _ in self._frames(error)), (calls[-1], UNUSABLE))
            self.verdicts[function], right = f"wrong: {cause}{self.where(error)}", False
        else:
            for name, value in expected.items():
                ours = results.get(name)
                wrong = difference(ours, value) or difference(ours, oracle.get(name, value))
                right = right and wrong is None
                if wrong or name not in self.verdicts:
                    self.verdicts[name] = f"wrong: {wrong}" if wrong else "right"
        if not right and self.found is None:
            self.found = first_wrong(events, real_events, self.source)

    def where(self, error: BaseException) -> str:
        """An error in one line, with the line of the reader's file."""
        at = "".join(f"line {line}: " for _, line in self._frames(error)[-1:])
        return f"{at}{type(error).__name__}: {' '.join(str(error).split())}"

    def _frames(self, error: BaseException) -> list[tuple[str, int]]:
        """The functions of the reader's file that an error passed through, each with its line."""
        frames = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
        return [(code.co_qualname, line) for code, line in frames if code.co_filename == str(self.file)]


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))
