"""`python -m tests.fuzz`: all cases, or those of some groups. Exit status 1 if a case is at fault."""

import argparse
import os
import sys
import time
from collections import Counter

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # before numpy and torch: no thread may run when a child is forked
from rich.console import Console
from rich.progress import track

from tests.fuzz.blocks import BLOCK, Block, reproduce, run_blocks
from tests.fuzz.groups import GROUPS


def main() -> int:
    """Run the cases and print a line per group, and a paragraph per fault."""
    given = _arguments()
    faults, start = 0, time.perf_counter()
    for name in given.only or GROUPS:
        first, count = (given.case, 1) if given.case is not None else (0, given.cases or GROUPS[name].cases)
        numbers = range(first, first + count)
        blocks = [Block(name, numbers[n : n + BLOCK]) for n in range(0, count, BLOCK)]
        ended, begin = Counter[str](), time.perf_counter()
        outcomes = run_blocks(given.seed, blocks, given.jobs)
        console = Console(stderr=True)
        shown = track(
            outcomes, name, total=count, console=console, transient=True, disable=not console.is_terminal
        )
        for outcome in shown:
            ended[outcome.ended or "FAULT"] += 1
            if outcome.fault:
                faults += 1
                print(f"{name}, case {outcome.number}: {outcome.fault}")
                print(f"  {reproduce(given.seed, name, outcome.number)}", flush=True)
        how = ", ".join(f"{how}: {n}" for how, n in sorted(ended.items()))
        print(f"{name}: {count} cases in {time.perf_counter() - begin:.0f} s ({how})", flush=True)
    print(f"{faults} faults, {time.perf_counter() - start:.0f} s, seed {given.seed}")
    return int(faults > 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--only", action="append", metavar="GROUP", choices=list(GROUPS), help="may be repeated"
    )
    parser.add_argument(
        "--cases", type=int, help="cases of each group [2000; 100 kills, 50 pairs of writers]"
    )
    parser.add_argument("--case", type=int, help="one case by its number")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes [one for each core]")
    given = parser.parse_args()
    for name in ("cases", "jobs"):
        if getattr(given, name) is not None and getattr(given, name) < 1:
            parser.error(f"--{name}: expected a number of at least 1, got {getattr(given, name)}")
    if given.case is not None and len(given.only or []) != 1:
        parser.error("--case: expected one --only GROUP with it")
    if given.case is not None and given.case < 0:
        parser.error(f"--case: expected a number of at least 0, got {given.case}")
    return given


if __name__ == "__main__":
    sys.exit(main())
