"""Make small bugs in every line of mathematics of both trees, and see the tests fail.

python -m tests.generated_mutants [--sample N] [--seed S] [--jobs J] [--only TEXT] [--log FILE]

The mutator is our own. cosmic-ray starts a process for every mutant: pytest spends about 3 s in it before its
first test, and the parity tests, which a survivor runs to the end, take about 30 s more. mutmut 3 forks, but
mutates the insides of functions only, not default values or the constants of modules and classes.

A mutant must be killed by a test, or be listed in equivalent.toml with the reason why no test can. One that
survives forks.py, and one of a default value, runs on a copy on disk: the tests that reach it with all
examples, then all tests. Exit status 1 for an unlisted survivor, for a listed mutant that is killed, and for
a listed one that no longer exists. A run with the same --log continues. The working tree is not touched.
"""

import argparse
import hashlib
import json
import os
import resource
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

from rich.progress import Progress

from tests import mutants
from tests.mutation.forks import SLOWER, Forks
from tests.mutation.mutate import ROOT, TREES, Key, Mutant, all_mutants

READ_TEXT = [
    *("tests/exercises", "tests/page", "tests/test_documents.py", "tests/test_twins.py"),
    *("tests/test_diagrams.py", "tests/test_imports.py", "tests/test_mutants.py", "tests/test_notation.py"),
    *("tests/test_generated_mutants.py", "tests/test_derivations.py", "tests/test_data.py"),
]
"""Tests of the text of the source: they see every change, an equivalent one too."""
TESTS = ["tests", *(f"scratch_rnn/{tree}" for tree in TREES), *(f"--ignore={name}" for name in READ_TEXT)]
SLOW = [
    *(f"tests/{name}" for name in ("labs", "benchmarks", "cli", "convert", "parity", "trace")),
    *(f"tests/test_{name}.py" for name in ("fuzz", "profiles", "cuda", "extremes", "seq2seq_curves")),
    *(f"tests/torch_autograd/test_{name}.py" for name in ("compile", "differences")),
    "tests/torch_autograd/models/test_distributed.py",
]
"""Too slow to run thousands of times, or they start processes: survivors alone run them."""
MEMORY = 2**34
"""Bytes of each process, the control's too: a bug may allocate without end."""


def listed() -> dict[Key, str]:
    """The mutants of equivalent.toml, and why no test kills them."""
    entries = tomllib.loads((ROOT / "tests/equivalent.toml").read_text(encoding="utf-8"))["mutant"]
    return {Key(*(entry[field] for field in Key._fields)): entry["reason"] for entry in entries}


def sample(everything: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """So many mutants, or all for 0. A change of other lines does not change which are chosen."""
    ranked = sorted(everything, key=lambda m: hashlib.sha256(f"{seed} {m.key}".encode()).digest())
    return ranked[: count or None]


def on_disk(left: list[Mutant], forks: Forks, jobs: int) -> Iterator[tuple[Mutant, str]]:
    """(mutant, the step that kills it or nothing), on a copy of the project which starts with the mutant."""
    start = perf_counter()
    if left and not mutants.passes(mutants.Mutant("", "pyproject.toml", "", "", TESTS), planted=False):
        raise SystemExit("the tests fail without a mutant")
    seconds = SLOWER * (perf_counter() - start)

    def killed(mutant: Mutant) -> str:
        text = (ROOT / mutant.key.file).read_text(encoding="utf-8")
        for step, tests in {"reached": forks.reached(mutant), "all": TESTS}.items():
            planted = mutants.Mutant(str(mutant), mutant.key.file, text, mutant.text, tests)
            if tests and not mutants.passes(planted, seconds=seconds):
                return f"on disk: {step}"
        return ""

    with ThreadPoolExecutor(jobs) as pool:
        yield from zip(left, pool.map(killed, left), strict=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A sample of the mutants of the mathematics of both trees.")
    parser.add_argument("--sample", type=int, default=300, help="how many mutants, 0 for all")
    parser.add_argument("--seed", type=int, default=0, help="which mutants")
    parser.add_argument("--jobs", type=int, default=2, help="how many run at the same time")
    parser.add_argument("--only", default="", help="mutants whose description contains this text")
    parser.add_argument("--log", default=os.devnull, help="one verdict a line; killed ones are not run again")
    options = parser.parse_args()
    if options.jobs < 1:
        parser.error(f"--jobs: expected a number of at least 1, got {options.jobs}")
    return options


def main() -> None:
    """Run a sample, and say which mutants survive."""
    options = _arguments()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    everything = all_mutants()
    chosen = sample([m for m in everything if options.only in str(m)], options.sample, options.seed)
    known = listed()
    start = perf_counter()
    with Path(options.log).open("a+", encoding="utf-8") as log, Progress() as progress:
        log.seek(0)
        killed = {Key(*key) for key, by in map(json.loads, log) if by}
        pending = [mutant for mutant in chosen if mutant.key not in killed]
        bar = progress.add_task("mutants", total=len(pending))

        def found(mutant: Mutant, by: str) -> None:
            killed.update({mutant.key} if by else ())
            print(json.dumps([mutant.key, by]), file=log, flush=True)
            progress.advance(bar)

        forks = Forks(pending, options.jobs, found)
        forks.collect_and_run([*TESTS, *(f"--ignore={name}" for name in SLOW)])
        left = [mutant for mutant in pending if mutant.key not in known.keys() | killed]
        bar = progress.add_task("survivors, on disk", total=len(left))
        for mutant, by in on_disk(left, forks, options.jobs):
            found(mutant, by)
    survivors = [mutant for mutant in chosen if mutant.key not in known.keys() | killed]
    bad = [f"survived: {mutant}" for mutant in survivors]
    bad += [f"listed, but killed: {m}" for m in chosen if m.key in known.keys() & killed]
    bad += [f"listed, but gone: {key}" for key in known.keys() - {mutant.key for mutant in everything}]
    equivalent = sum(mutant.key in known for mutant in chosen)
    dead = len(chosen) - equivalent - len(survivors)
    print(*bad, sep="\n")
    print(f"{len(chosen)} sampled with seed {options.seed}: {dead} killed, {equivalent} equivalent,", end=" ")
    print(f"{len(survivors)} survivors, in {perf_counter() - start:.0f} s")
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
