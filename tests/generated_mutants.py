"""Make small bugs in every line of mathematics of both trees, and see the tests fail.

python -m tests.generated_mutants [--sample N] [--seed S] [--only TEXT]

The mutator is our own because a new pytest process for every mutant spends about 3 s before its first test,
and the parity tests, which a survivor runs to the end, take about 30 s more.

A mutant must be killed by a test, or be listed in equivalent.toml with the reason why no test can. Exit
status 1 for an unlisted survivor, for a listed mutant that is killed, and for a listed one that no longer
exists. Nothing of the working tree is touched. Needs os.fork.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from rich.console import Console
from rich.progress import track

from tests.mutants import COPIED, ROOT
from tests.mutation.forks import Forks
from tests.mutation.mutate import Key, Mutant, mutants_of_file, paths

TESTS = ("tests", *(f"scratch_rnn/{tree}" for tree in ("numpy_bptt", "torch_autograd")))
LEFT_OUT = (
    *(f"tests/{name}" for name in ("labs", "benchmarks", "cli", "convert", "mutation")),
    *(f"tests/test_{name}.py" for name in ("documents", "data", "diagrams", "imports", "mutants")),
    *(f"tests/test_{name}.py" for name in ("notation", "generated_mutants", "derivations")),
    *(f"tests/torch_autograd/test_{name}.py" for name in ("compile", "differences")),
)
"""Tests of other things, or too slow to run thousands of times."""


class Listed(NamedTuple):
    """One entry of equivalent.toml."""

    file: str
    function: str
    operator: str
    old: str
    new: str
    reason: str

    @property
    def key(self) -> Key:
        """What the mutant is."""
        return Key(*self[:5])


def listed() -> list[Listed]:
    """All entries of equivalent.toml."""
    data = tomllib.loads((Path(__file__).parent / "equivalent.toml").read_text(encoding="utf-8"))
    return [Listed(**fields) for fields in data.get("mutant", [])]


def survivors_on_disk(survivors: Iterable[Mutant], forks: Forks) -> list[Mutant]:
    """Those that also survive on a copy on disk, with all examples of every test that runs their function."""
    left = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, copy / name)
        for mutant in survivors:
            path = copy / mutant.key.file
            text = path.read_text(encoding="utf-8")
            path.write_text(mutant.text, encoding="utf-8")
            names = forks.reached(mutant) or _of_the_same_name(mutant)
            (copy / "names.txt").write_text("\n".join(names), encoding="utf-8")
            command = [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-x",
                "-n",
                "0",
                "-p",
                "no:cacheprovider",
                "@names.txt",
            ]
            environment = os.environ | {"PYTHONPATH": folder}
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
            if done.returncode not in (0, 1, 2):  # passed, failed, or a file could not be imported
                raise SystemExit(f"{mutant}: pytest ended with status {done.returncode}")
            left += [mutant] if done.returncode == 0 else []
            path.write_text(text, encoding="utf-8")
    return left


def _of_the_same_name(mutant: Mutant) -> list[str]:
    """The tests of a function that only other processes run."""
    name = Path(mutant.key.file).stem
    return [str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob(f"test_*{name}*.py")]


def main() -> None:
    """Run a sample, and say which mutants survive."""
    parser = argparse.ArgumentParser(description="Mutants over every line of mathematics of both trees.")
    parser.add_argument("--sample", type=int, default=300, help="how many mutants, 0 for all")
    parser.add_argument("--seed", type=int, default=0, help="which mutants")
    parser.add_argument("--only", default="", help="mutants whose description contains this text")
    options = parser.parse_args()
    console = Console(soft_wrap=True)
    everything = [mutant for path in paths() for mutant in mutants_of_file(path)]
    chosen = [mutant for mutant in everything if options.only in str(mutant)]
    if 0 < options.sample < len(chosen):
        chosen = random.Random(options.seed).sample(chosen, options.sample)
    known = {entry.key for entry in listed()}
    gone = known - {mutant.key for mutant in everything}
    bar = partial(track, description="mutants", console=console, disable=not console.is_terminal)
    forks = Forks(chosen, bar)
    with tempfile.TemporaryDirectory() as folder:
        ignored = [f"--ignore={name}" for name in LEFT_OUT]
        quiet = ["-qq", "-n", "0", "-s", "-p", "no:cacheprovider", f"--basetemp={folder}/tests"]
        status = pytest.main([*quiet, *ignored, *TESTS], plugins=[forks])
    if not forks.done:
        raise SystemExit(f"the tests could not be run: pytest's exit status is {status}")
    for name, test in forks.measured.items():
        if not test.passed:
            console.print(f"fails without a mutant: {name}", markup=False)
    lived = {mutant.key for mutant in forks.survivors}
    equivalent = [mutant for mutant in chosen if mutant.key in known and mutant.key in lived]
    killed_but_listed = [mutant for mutant in chosen if mutant.key in known - lived]
    unlisted = [mutant for mutant in forks.survivors if mutant.key not in known]
    survivors = survivors_on_disk(bar(unlisted, description="survivors, on disk"), forks)
    for what, found in (
        ("survived", survivors),
        ("listed, but killed", killed_but_listed),
        ("listed, but gone", gone),
    ):
        for one in found:
            console.print(f"{what}: {one}", markup=False, highlight=False)
    killed = len(chosen) - len(equivalent) - len(survivors)
    score = killed / max(1, len(chosen) - len(equivalent))
    counts = f"{killed} killed, {len(equivalent)} equivalent, {len(survivors)} survivors"
    console.print(
        f"{len(chosen)} sampled, {counts}: {score:.1%} of those that are not equivalent", highlight=False
    )
    raise SystemExit(1 if survivors or killed_but_listed or gone else 0)


if __name__ == "__main__":
    main()
