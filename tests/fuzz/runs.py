"""Runs that are killed and continue, and runs that write one file at the same time.

Each run is a forked child: it has torch imported already, and starts in milliseconds.
"""

import os
import random
import signal
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy import ndarray

from tests.fuzz import options
from tests.fuzz.command import FOLDERS, expect, invoke

Draw = random.Random

LABS = {
    "charseq": "rnn",
    "charlm": "lstm",
    "seq2seq": "gru",
    "many-to-one": "gru",
    "memory": "lstm",
    "timeseries": "rnn",
}
"""With their cells."""
STEPS = 30
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Half of the kills cannot be caught. Before and after the training none of them is."""
INTERRUPTED = 130
ENDED = os.WEXITED | os.WNOHANG | os.WNOWAIT
"""Asks whether a child has ended, and leaves it as it is."""


def start(words: Sequence[str]) -> int:
    """Run a command line in a child; its process id. It ends with the command's status, or with 70."""
    child = os.fork()
    if child:
        return child
    try:
        ended = invoke(words)
        if ended.raised is None and not ended.warned:
            os._exit(ended.status)
        os.write(2, f"{words}: {ended}\n".encode(errors="replace"))
    except KeyboardInterrupt:  # before or after the training Ctrl-C has its usual effect
        os._exit(INTERRUPTED)
    finally:
        os._exit(70)


def wait(child: int) -> int:
    """The status of a child; negative: the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def line(lab: str, seed: int, impl: str) -> tuple[list[str], dict[str, bytes]]:
    """(a command line, its input files)."""
    made = options.FILES.get(lab, {})
    files = {name: make(random.Random(seed)) for n, (name, make) in enumerate(made.items()) if n == 0}
    settings = options.settings_of(lab) | {"steps": str(STEPS), "seed": str(seed), "cell": LABS[lab]}
    words = [*options.line(lab, settings, files), "--quiet", "--impl", impl]
    return words, {options.file_name(name): data for name, data in files.items()}


@lru_cache
def undisturbed(lab: str, seed: int, impl: str) -> tuple[dict[str, bytes], float]:
    """(the arrays that the run saves at its end, as bytes; its seconds)."""
    words, files = line(lab, seed, impl)
    begun = Path.cwd()
    with TemporaryDirectory(dir=FOLDERS) as folder:
        os.chdir(folder)
        _write(files)
        begin = time.perf_counter()
        status = wait(start([*words, "--save", "run.npz", "--save-every", "2"]))
        seconds = time.perf_counter() - begin
        expect(status == 0, f"{words} ended with {status}")
        os.chdir(begun)
        return contents(Path(folder) / "run.npz"), seconds


def contents(path: Path) -> dict[str, bytes]:
    """The arrays of a checkpoint as bytes, with their shapes and dtypes, without its description."""
    with np.load(path, allow_pickle=False) as file:
        arrays: dict[str, ndarray] = {name: file[name] for name in file.files if name != "about"}
    return {name: repr((a.shape, a.dtype)).encode() + a.tobytes() for name, a in arrays.items()}


def killed(draw: Draw, folder: Path) -> str:
    """A run that is killed once or more at random times continues, and ends bit for bit the same."""
    chosen = draw.choice([*LABS]), 0, draw.choice(("numpy", "torch"))
    whole, seconds = undisturbed(*chosen)
    words, files = line(*chosen)
    _write(files)
    words += ["--save", "run.npz", "--save-every", str(draw.randint(1, 5))]
    kills, wanted = 0, draw.choice((1, 1, 2, 3))
    for _ in range(100):
        status = wait(_interrupted(draw, [*words, *_loaded()], seconds))
        kills += status != 0 and Path("run.npz").exists()
        expect(status in (0, 1, INTERRUPTED, *(-n for n in SIGNALS)), f"{words} ended with {status}")
        if kills == wanted or (kills and status == 0):
            break
        if status == 0:  # it was too quick
            Path("run.npz").unlink()
    expect(kills > 0, "no kill came in time")
    status = wait(start([*words, *_loaded()]))
    expect(status == 0, f"{words} ended with {status} after {kills} kills")
    expect(contents(Path("run.npz")) == whole, f"{words} ended with other numbers after {kills} kills")
    return f"{kills} kills"


def _interrupted(draw: Draw, words: list[str], seconds: float) -> int:
    """A child that is killed at a random time after the file is there."""
    child = start(words)
    while not Path("run.npz").exists() and os.waitid(os.P_PID, child, ENDED) is None:
        time.sleep(0.001)
    time.sleep(draw.random() * seconds)
    os.kill(child, draw.choice(SIGNALS))
    return child


def _loaded() -> list[str]:
    return ["--load", "run.npz"] if Path("run.npz").exists() else []


def two_writers(draw: Draw, folder: Path) -> str:
    """Two runs save to one file at the same time: both end, and the file is one of theirs, whole."""
    lab, impl = draw.choice([*LABS]), draw.choice(("numpy", "torch"))
    both = [line(lab, seed, impl) for seed in range(2)]
    children = []
    for words, files in both:
        _write({f"{words[words.index('--seed') + 1]}{name}": data for name, data in files.items()})
        own = [f"{words[words.index('--seed') + 1]}{word}" if word in files else word for word in words]
        children.append(start([*own, "--save", "run.npz", "--save-every", "1"]))
    expect([wait(child) for child in children] == [0, 0], "not both writers ended")
    found = contents(Path("run.npz"))
    ends = [undisturbed(lab, seed, impl)[0] for seed in range(2)]
    expect(found in ends, "the file is of neither writer")
    winner = ends.index(found)
    words, files = both[winner]
    _write(files)
    expect(wait(start([*words, "--load", "run.npz"])) == 0, "the file does not load")
    strange = [path.name for path in folder.iterdir() if path.suffix not in (".npz", ".txt", ".csv")]
    expect(not strange, f"files are left: {strange}")
    return f"writer {winner} was last"


def _write(files: dict[str, bytes]) -> None:
    for name, data in files.items():
        Path(name).write_bytes(data)
