"""Generated inputs, kills and competing writers: `python -m tests.fuzz` runs all, tests/test_fuzz.py a few.

Every case is drawn from a seeded generator. A command must end with status 0, or with 1 or 2 and one line
of error; its numbers must be finite, and its input unchanged. A run that is killed at a random time continues
bit for bit. Two runs that save to one file both end, and the file loads.
"""

import json
import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from typer.testing import CliRunner

from scratch_rnn.cli.app import app
from scratch_rnn.labs import LABS
from scratch_rnn.labs.harness.options import Option, flag, options_of

READERS = {
    "longseq": ("--file", "text"),
    "charlm": ("--file", "text"),
    "timeseries": ("--csv", "csv"),
    "seq2seq": ("--pairs", "tsv"),
    "packed": ("--words", "text"),
    "many-to-one": ("--examples", "tsv"),
    "one-to-many": ("--digits", "tsv"),
}
"""Labs that read a file: the option, and what resembles a good file."""
PIECES = (
    *(
        "a",
        "the cat",
        "Z",
        "0",
        "1",
        "1.5",
        "-2e3",
        "nan",
        "inf",
        "1e999",
        "1_0",
        "é",
        "e\u0301",
        "우리",
        "😀",
    ),
    *(
        "\t",
        "\t",
        ",",
        ",",
        '"',
        "'",
        "\n",
        "\n",
        "\n",
        "\r\n",
        "\r",
        " ",
        "#",
        ";",
        "\0",
        "\ufeff",
        "\u2028",
    ),
    "date,open,high,low,close,volume\n",
)
SMALL = {"charlm": ["--hidden", "3", "--window", "2", "--batch-size", "2"]}
NUMBERS = (
    "-1",
    "0",
    "1",
    "2",
    "3",
    "0.5",
    "1e-300",
    "1e300",
    "1e999",
    "nan",
    str(2**63),
    str(2**64),
    str(10**30),
    "x",
)


def content(draw: random.Random, kind: str) -> bytes:
    """A small file: pieces in a random order, some of it in rows, some with random bytes."""
    separator = {"text": " ", "csv": ",", "tsv": "\t"}[kind]
    rows, columns = draw.randint(0, 30), draw.choice((1, 2, 2, 3, 5, 64))
    if draw.random() < 0.5:
        cells = [[draw.choice(("1", "2.5", "a b", "0")) for _ in range(columns)] for _ in range(rows)]
        text = "\n".join(separator.join(row) for row in cells)
    else:
        text = "".join(draw.choices(PIECES, k=rows * 3))
    data = text.encode()
    if data and draw.random() < 0.2:
        place = draw.randrange(len(data))
        data = data[:place] + draw.randbytes(3) + data[place + draw.randrange(3) :]
    return data


def value(draw: random.Random, option: Option) -> str:
    """A value of an option, of the right type or of a wrong one."""
    if option.choices and draw.random() < 0.8:
        return draw.choice(list(option.choices))
    if option.kind is str:
        return "".join(draw.choices(PIECES, k=draw.randint(0, 4))).replace("\0", "")
    return draw.choice(NUMBERS) if draw.random() < 0.6 else str(draw.randint(1, 9))


def check(words: Sequence[str], folder: Path) -> None:
    """Run one command. AssertionError, with the command, where it breaks a promise."""
    out = folder / "out.json"
    out.unlink(missing_ok=True)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    done = CliRunner().invoke(app, [*words, "--quiet", "--json", str(out)])
    told = f"{words}: {done.exit_code} {done.exception!r} {done.output[-500:]!r}"
    assert done.exception is None or isinstance(done.exception, SystemExit), told
    assert done.exit_code in (0, 1, 2), told
    assert "Traceback" not in done.output, told
    if done.exit_code == 0:
        assert finite(json.loads(out.read_text(encoding="utf-8"))["runs"]), told
    elif done.stderr.startswith("error: "):  # the parser of the command line has other texts
        assert done.stderr.count("\n") == 1, told
        assert not out.exists(), told
    assert all(path.read_bytes() == data for path, data in before.items()), told


def finite(value: Any) -> bool:
    """Whether all numbers of a JSON value are finite."""
    if isinstance(value, dict | list):
        return all(map(finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


def fuzz_reader(name: str, seed: int, count: int) -> None:
    """`count` generated files for the reader of one lab."""
    draw, (option, kind) = random.Random(f"{name} {seed}"), READERS[name]
    steps = ["--steps", "1"] if name != "packed" else []
    with TemporaryDirectory() as folder:
        for _ in range(count):
            path = Path(folder) / "input"
            path.write_bytes(content(draw, kind))
            check(
                ["lab", name, "--impl", "numpy", *steps, *SMALL.get(name, []), option, str(path)],
                Path(folder),
            )


def fuzz_options(name: str, seed: int, count: int) -> None:
    """`count` generated command lines of one lab."""
    draw = random.Random(f"options {name} {seed}")
    options = [each for each in options_of(LABS[name].options) if not each.file and each.kind is not bool]
    usable = [each for each in options if each.name not in ("steps", "epochs", "sample")]
    with TemporaryDirectory() as folder:
        for _ in range(count):
            chosen = draw.sample(usable, min(len(usable), draw.randint(1, 3)))
            given = [word for each in chosen for word in (flag(each.name), value(draw, each))]
            steps = ["--steps", "1"] if any(each.name == "steps" for each in options) else []
            check(["lab", name, "--impl", "numpy", *steps, *given], Path(folder))


def command(*words: object) -> list[str]:
    """A lab in a process of its own."""
    return [
        sys.executable,
        "-m",
        "scratch_rnn",
        "lab",
        "charseq",
        "--quiet",
        "--impl",
        "numpy",
        *map(str, words),
    ]


def losses(path: Path) -> list[float]:
    """The curve that --json wrote."""
    read: list[float] = json.loads(path.read_text())["runs"][0]["losses"]
    return read


def kills(seed: int, count: int, steps: int = 3000) -> None:
    """Kill a run `count` times at random times; it continues, and ends as the undisturbed run does."""
    draw = random.Random(seed)
    with TemporaryDirectory() as name:
        folder = Path(name)
        path, out, environment = (
            folder / "run.npz",
            folder / "out.json",
            os.environ | {"OMP_NUM_THREADS": "1"},
        )
        subprocess.run(command("--steps", steps, "--json", out), check=True, env=environment)
        whole = losses(out)
        for _ in range(count):
            path.unlink(missing_ok=True)
            words = command("--steps", steps, "--save", path, "--save-every", draw.randint(1, 20))
            with subprocess.Popen(words, env=environment) as process:
                while not path.exists() and process.poll() is None:
                    time.sleep(0.01)
                time.sleep(draw.random())
                process.kill()
            subprocess.run(
                command("--steps", steps, "--load", path, "--json", out), check=True, env=environment
            )
            assert losses(out) == whole, "a run that was killed continues differently"


def writers(count: int) -> None:
    """Two runs save to one file at the same time, `count` times."""
    with TemporaryDirectory() as name:
        path, out = Path(name) / "run.npz", Path(name) / "out.json"
        words = command("--steps", 20, "--save", path, "--save-every", 1)
        for _ in range(count):
            both = [subprocess.Popen(words) for _ in range(2)]
            assert [process.wait() for process in both] == [0, 0]
            subprocess.run(command("--load", path, "--json", out), check=True)
            assert len(losses(out)) == 20
            assert sorted(Path(name).iterdir()) == [out, path], "no temporary file is left"


def main() -> None:
    """All of it, with a line per part."""
    parts: list[tuple[str, Callable[[], None]]] = []
    for name in READERS:
        parts.append((f"2000 files for {name}", partial(fuzz_reader, name, 0, 2000)))
    for name in LABS:
        parts.append((f"2000 command lines of {name}", partial(fuzz_options, name, 0, 2000)))
    parts += [("100 kills", partial(kills, 0, 100)), ("50 pairs of writers", partial(writers, 50))]
    for label, part in parts:
        start = time.perf_counter()
        part()
        print(f"{label}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
