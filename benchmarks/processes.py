"""A session in a process of its own: the side that asks. The side that answers is worker.py."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.contenders.contender import Contender
from benchmarks.session import Failed, Ready, Round
from benchmarks.stats import Quartiles

ROOT = Path(__file__).parent.parent
REMOVED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Taken out of a worker's environment: OpenBLAS finds out by itself which kernels suit the machine."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Worker:
    """Its process runs, and prepares, from the moment that this is made."""

    def __init__(self, contender: Contender, case: Case, threads: int, budget: float) -> None:
        self.contender = contender
        self.room = TemporaryDirectory()
        self.outcome = Path(self.room.name) / "outcome.npz"
        self.log = (Path(self.room.name) / "log").open("w+")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            cwd=ROOT,
            env=environment(threads, os.environ),
            start_new_session=True,  # Ctrl-C is for the one who asks; a worker ends with its input
        )
        asked = {"contender": contender.name, "case": asdict(case), "budget": budget}
        self._ask(asked | {"outcome": str(self.outcome)})

    def ready(self) -> Ready:
        """What the worker says, and the outcome that it left in a file."""
        said = self._answer()
        with np.load(self.outcome) as arrays:
            return Ready(**said | {"outcome": dict(arrays)})

    def round(self) -> Round:
        """Ask for a turn, and wait until it is over."""
        self._ask("round")
        said = self._answer()
        return Round(Quartiles(*said["seconds"]), said["idle_cpu"])

    def close(self) -> None:
        """End the process and clear away what it left."""
        self.process.terminate()
        self.process.communicate()
        self.log.close()
        self.room.cleanup()

    def _ask(self, what: Any) -> None:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # an ended process is found out when it is listened to
            self.process.stdin.write(json.dumps(what) + "\n")
            self.process.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            status = self.process.wait()
            self.log.seek(0)
            last = self.log.read().strip().splitlines()[-1:]
            raise Failed(f"its process ended with status {status}: {''.join(last) or 'no word'}")
        said: dict[str, Any] = json.loads(line)
        if "failed" in said:
            raise Failed(said["failed"])
        return said


def environment(threads: int, inherited: Mapping[str, str]) -> dict[str, str]:
    """Of a worker: the same number of threads for all, and nothing that holds OpenBLAS back."""
    kept = {name: value for name, value in inherited.items() if name not in REMOVED}
    return kept | dict.fromkeys(THREADS, str(threads))
