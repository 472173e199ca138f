"""Plant the bugs of mutants.toml one at a time in a copy of the project, and see the tests fail.

python -m tests.mutants [NUMBER ...]     all of them, or those with these numbers, from 0 on

Exit status 1 if a mutant survives. Nothing of the working tree is touched.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import track

ROOT = Path(__file__).parent.parent
COPIED = ("scratch_rnn", "reference", "tests", "benchmarks", "docs", "data", "pyproject.toml", "README.md")


class Mutant(NamedTuple):
    """One bug: the text that is replaced, once, and the tests that must notice."""

    name: str
    file: str
    old: str
    new: str
    tests: list[str]


def load() -> list[Mutant]:
    """All mutants, as mutants.toml has them."""
    data = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return [Mutant(**fields) for fields in data["mutant"]]


def passes(mutant: Mutant, planted: bool = True, seconds: float | None = None) -> bool:
    """Whether the mutant's tests pass in that time, with the bug planted or without."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, copy / name)
        path = copy / mutant.file
        if planted:
            text = path.read_text(encoding="utf-8").replace(mutant.old, mutant.new)
            path.write_text(text, encoding="utf-8")
        alone = "--numprocesses=0"  # with workers, the first failure counts as an interruption
        command = [sys.executable, "-m", "pytest", "--quiet", "--exitfirst", alone, *mutant.tests]
        environment = os.environ | {"PYTHONPATH": folder}
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds,
            )
        except subprocess.TimeoutExpired:
            return False
    import_failed = planted and done.returncode == 2
    if done.returncode > 1 and not import_failed:
        raise SystemExit(
            f"{mutant.name}: the tests could not run\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return done.returncode == 0


def main() -> None:
    """Run the mutants that were asked for, and say which survive."""
    mutants = load()
    numbers = [int(argument) for argument in sys.argv[1:]] or range(len(mutants))
    console = Console()
    chosen = [mutants[number] for number in numbers]
    for mutant in {tuple(m.tests): m for m in chosen}.values():
        if not passes(mutant, planted=False):
            raise SystemExit(f"{', '.join(mutant.tests)} fail without a mutant: they would kill anything")
    survivors = [m for m in track(chosen, "mutants", console=console) if passes(m)]
    for mutant in survivors:
        console.print(f"survived: {mutant.name} ({mutant.file})")
    console.print(f"{len(chosen) - len(survivors)} of {len(chosen)} mutants killed")
    raise SystemExit(1 if survivors else 0)


if __name__ == "__main__":
    main()
