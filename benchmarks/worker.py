"""`python -m benchmarks.worker`: one contender on one case, in a process of its own.

Reads one JSON line that says which, answers when it is prepared, and then once for every line that it is
sent: each a round. It answers only when its threads are asleep again: OpenBLAS keeps them spinning for most
of a tenth of a second after a product, torch for some milliseconds, at the cost of whoever is timed next.
"""

import json
import os
import sys
from functools import partial
from pathlib import Path
from time import process_time, sleep

import numpy as np

from benchmarks.cases import Case, Size
from benchmarks.contenders import find
from benchmarks.machine import blas
from benchmarks.session import Failed, InProcess, time_steps

QUIET = 0.02
"""Seconds without work, twice in a row, by which threads are known to be asleep."""


def main() -> int:
    """Exit status 1 where the contender failed; the one line has been answered."""
    with os.fdopen(os.dup(1), "w") as replies:

        def say(what: object) -> None:
            replies.write(json.dumps(what) + "\n")
            replies.flush()

        os.dup2(2, 1)  # whatever a library prints belongs into the log
        asked = json.loads(sys.stdin.readline())
        case = Case(**asked["case"] | {"size": Size(*asked["case"]["size"])})
        contender = find(asked["contender"])
        session = InProcess(contender, case, partial(time_steps, budget=asked["budget"]))
        try:
            ready = session.ready()
        except Failed as error:
            say({"failed": str(error)})
            return 1
        with Path(asked["outcome"]).open("wb") as file:
            np.savez(file, allow_pickle=False, **ready.outcome)
        asleep = fall_asleep()
        say(ready._replace(outcome={}, blas=blas(contender.library))._asdict())
        for _ in sys.stdin:
            idle = process_time() - asleep
            seconds = session.round().seconds
            asleep = fall_asleep()
            say({"seconds": seconds, "idle_cpu": idle})
    return 0


def fall_asleep(patience: int = 50) -> float:
    """Wait until no thread of this process runs: the processor time that it has taken so far."""
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
