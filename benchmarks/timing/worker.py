"""One contender on one case in a process of its own.

`Worker` starts the process and asks; `main` (`python -m benchmarks.timing.worker`) answers. A message is one
line of JSON: the first names contender and case and is answered when the contender is ready; each later one
asks for a round. The process answers only when its threads sleep: OpenBLAS keeps them spinning for most of a
tenth of a second after a product, torch for some milliseconds, which slows the contender timed next.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time, sleep
from typing import Any

import numpy as np

from benchmarks.cases import Case, Size
from benchmarks.contenders.contender import Contender
from benchmarks.registry import find
from benchmarks.timing.machine import blas
from benchmarks.timing.session import Failed, InProcess, Ready, Round, time_steps

ROOT = Path(__file__).parent.parent.parent
REMOVED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Removed from a worker's environment: OpenBLAS detects which kernels suit the machine."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
QUIET = 0.02
"""Seconds without processor time, twice in a row, after which the threads are taken to sleep."""


class Worker:
    """A Session. Its process starts when the object is made, and prepares in `ready`: one after another."""

    def __init__(self, contender: Contender, case: Case, threads: int, budget: float) -> None:
        self.contender = contender
        self.folder = TemporaryDirectory()
        self.outcome = Path(self.folder.name) / "outcome.npz"
        self.log = (Path(self.folder.name) / "log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.timing.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            cwd=ROOT,
            env=environment(threads, os.environ),
            start_new_session=True,  # Ctrl-C reaches the parent only; the process ends with its input
        )
        self.job = {"contender": contender.name, "case": asdict(case), "budget": budget}

    def ready(self) -> Ready:
        """The answer, and the outcome that the process wrote to a file."""
        self._ask(self.job | {"outcome": str(self.outcome)})
        answer = self._answer()
        with np.load(self.outcome) as arrays:
            return Ready(**answer | {"outcome": dict(arrays)})

    def round(self) -> Round:
        """Ask for a round and wait for its end."""
        self._ask("round")
        return Round(**self._answer())

    def close(self) -> None:
        """End the process and delete its files."""
        self.process.terminate()
        self.process.communicate()
        self.log.close()
        self.folder.cleanup()

    def _ask(self, request: Any) -> None:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # the end of the process is found when its answer is read
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            status = self.process.wait()
            self.log.seek(0)
            last = self.log.read().strip().splitlines()[-1:]
            raise Failed(f"its process ended with status {status}: {''.join(last) or 'no message'}")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise Failed(answer["failed"])
        return answer


def environment(threads: int, inherited: Mapping[str, str]) -> dict[str, str]:
    """Of a worker: the same number of threads for all, and no setting that slows OpenBLAS down."""
    kept = {name: value for name, value in inherited.items() if name not in REMOVED}
    return kept | dict.fromkeys(THREADS, str(threads))


def main() -> int:
    """Exit status 1 if the contender failed, after the line that says why."""
    with os.fdopen(os.dup(1), "w") as replies:

        def answer(content: object) -> None:
            replies.write(json.dumps(content) + "\n")
            replies.flush()

        os.dup2(2, 1)  # what a library prints goes to the log
        job = json.loads(sys.stdin.readline())
        try:
            _serve(job, answer)
        except Failed as error:
            answer({"failed": str(error)})
            return 1
    return 0


def _serve(job: dict[str, Any], answer: Any) -> None:
    case = Case(**job["case"] | {"size": Size(*job["case"]["size"])})
    contender, timer = find(job["contender"]), partial(time_steps, budget=job["budget"])
    if case.mode == "training" and not contender.compiles:
        # Loads code and starts threads, whose memory is not that of a step.
        small = replace(case, size=Size(2, 2, 8, 8), proj=min(case.proj, 4))
        InProcess(contender, small).ready()
    session = InProcess(contender, case, timer)
    ready = session.ready()
    with Path(job["outcome"]).open("wb") as file:
        np.savez(file, allow_pickle=False, **ready.outcome)
    asleep = fall_asleep()
    answer(ready._replace(outcome={}, blas=blas(contender.library))._asdict())
    for _ in sys.stdin:
        idle = process_time() - asleep
        taken = session.round()
        asleep = fall_asleep()
        answer(taken._replace(idle_cpu=idle)._asdict())


def fall_asleep(patience: int = 50) -> float:
    """Wait until no thread of this process runs: the processor time used so far."""
    quiet = 0
    for _ in range(patience):
        before = process_time()
        sleep(QUIET)
        quiet = quiet + 1 if process_time() - before < QUIET / 10 else 0
        if quiet == 2:
            break
    return process_time()


if __name__ == "__main__":
    sys.exit(main())
