"""The cases: one group for each reader of a file, one for each lab's options, kills, and writers.

A case of a reader is a whole command line on a mutated file: what the reader accepts is trained on.
"""

import io
import random
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from scratch_rnn.labs import LABS
from scratch_rnn.parameters import Sizes, stack_shapes
from scratch_rnn.weight_files import FORMATS, convert_file
from tests.fuzz import content, options, runs
from tests.fuzz.command import FOLDERS, Case, check, invoke

Draw = random.Random

UPDATES = ("0", "2,1", "1,", "-1", "x", "0,0", "9", "٣", "")
"""Values of the option of `trace`."""
QUIET = 0.8
"""Share of the cases that print nothing: a table takes as long as the run."""


class Group(NamedTuple):
    """Cases of one kind. `check` runs one in its empty folder, the current one, and returns how it ended.

    `make` makes the command line; None for a group whose cases are more than one.
    """

    name: str
    cases: int
    check: Callable[[Draw, Path], str]
    make: Callable[[Draw], Case] | None = None


def draw_of(seed: int, group: str, number: int) -> Draw:
    """The generator of one case."""
    return random.Random(f"{seed} {group} {number}")


def reader(lab: str, option: str, draw: Draw) -> Case:
    """A lab with a mutated file; its other options are mostly quick ones."""
    settings, files = options.settings_of(lab), dict[str, bytes]()
    if draw.random() < 0.3:
        settings, files = options.chosen(draw, lab)
    first = next(iter(options.FILES[lab]))
    make = options.FILES[lab][option]
    files |= {first: options.FILES[lab][first](draw), option: content.mutated(draw, make(draw))}
    if option == "image":
        files[option] = make(draw) if draw.random() < 0.7 else content.mutated(draw, make(draw))
    words = [*options.line(lab, settings, files), "--impl", "numpy", "--json", "out.json"]
    words += ["--quiet"] * (draw.random() < QUIET)
    return Case(words, {options.file_name(name): data for name, data in files.items()}, b"", ["out.json"])


def standard_input(draw: Draw) -> Case:
    """Sentences to classify or to translate, from standard input."""
    lab, option = draw.choice((("seq2seq", "--translate"), ("many-to-one", "--classify")))
    first = next(iter(options.FILES[lab]))
    files = {first: options.FILES[lab][first](draw)} if draw.random() < 0.5 or lab == "many-to-one" else {}
    words = [*options.line(lab, options.settings_of(lab), files), option, "-", "--impl", "numpy"]
    words += ["--json", "out.json", *["--quiet"] * (draw.random() < QUIET)]
    stdin = content.mutated(draw, content.text(draw))
    return Case(words, {options.file_name(n): data for n, data in files.items()}, stdin, ["out.json"])


SAVED = {
    "hihello": ("rnn", "adam"),
    "charlm": ("lstm", "adam"),
    "timeseries": ("lstm", "sgd"),
    "seq2seq": ("gru", "adam"),
    "many-to-one": ("gru", "sgd"),
    "memory": ("rnn", "sgd"),
}
"""Cell and optimizer of labs whose checkpoints differ in kind: a carried state, moments, a held-out curve."""


@lru_cache
def saved(lab: str, impl: str, cell: str, optimizer: str) -> tuple[list[str], dict[str, bytes], bytes]:
    """(a command line, its input files, the checkpoint after two steps)."""
    made = options.FILES.get(lab, {})
    files = {name: make(random.Random(0)) for n, (name, make) in enumerate(made.items()) if n == 0}
    settings = options.settings_of(lab) | {"steps": "2", "cell": cell, "optimizer": optimizer}
    words = [*options.line(lab, settings, files), "--impl", impl]
    given = {options.file_name(name): data for name, data in files.items()}
    path = Path("made.npz")
    for name, data in given.items():
        Path(name).write_bytes(data)
    ended = invoke([*words, "--quiet", "--save", str(path)])
    assert ended.status == 0, ended
    data = path.read_bytes()
    for name in (*given, path.name):
        Path(name).unlink()
    return words, given, data


def checkpoint(draw: Draw) -> Case:
    """A run that continues from a checkpoint, the file or its arrays changed."""
    lab, impl = draw.choice([*SAVED]), draw.choice(("numpy", "torch", "reference"))
    words, files, data = saved(lab, impl, *SAVED[lab])
    data = content.npz(draw, data) if draw.random() < 0.7 else content.mutated(draw, data)
    words = [*words, "--steps", draw.choice(("2", "3", "3", "4", "1"))]
    words += ["--load", "run.npz", "--json", "out.json", *["--quiet"] * (draw.random() < QUIET)]
    return Case(words, files | {"run.npz": data}, b"", ["out.json"])


def convert(draw: Draw) -> Case:
    """Weights in one layout, some of them changed, into another."""
    npz_formats = [name for name, endings in FORMATS.items() if ".npz" in endings]
    kind, source, target = (
        draw.choice(("rnn", "lstm", "gru")),
        draw.choice(npz_formats),
        draw.choice([*FORMATS]),
    )
    proj = draw.choice((0, 0, 0, 2)) if kind == "lstm" and source == "torch" else 0
    sizes = Sizes(
        kind, draw.randint(1, 3), 3, draw.randint(1, 2), draw.random() < 0.8, draw.random() < 0.3, proj
    )
    named = {name: np.ones(shape, np.float32) for name, shape in stack_shapes(sizes).items()}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **named)
    data = buffer.getvalue()
    with TemporaryDirectory(dir=FOLDERS) as folder:
        one, other = Path(folder) / "a.npz", Path(folder) / "b.npz"
        one.write_bytes(data)
        try:
            convert_file(one, "torch", source, other)
            data = other.read_bytes()
        except ValueError:  # a layout that lacks this cell: its reader gets torch's names
            pass
    data = content.npz(draw, data) if draw.random() < 0.7 else content.mutated(draw, data)
    words = ["convert", "in.npz", "--from", source, "--to", target, "--out", "out.npz"]
    words += draw.choice(([], [], [], ["--reset-after"], ["--no-reset-after"], ["--nonlinearity", "relu"]))
    if draw.random() < 0.1:
        words[words.index("out.npz")] = draw.choice(("in.npz", "./in.npz", "link.npz"))
    return Case(words, {"in.npz": data}, b"", ["out.npz"], [("link.npz", "in.npz")])


def trace(draw: Draw) -> Case:
    """`trace LAB`: the lab's options and those of the trace."""
    lab = draw.choice(
        ("hihello", "charseq", "longseq", "charlm", "timeseries", "many-to-one", "memory", "seq2seq")
    )
    settings, files = options.chosen(draw, lab)
    for name in ("steps", "epochs"):
        settings.pop(name, None)
    words = ["trace", *options.line(lab, settings, files)[1:], "--json", "out.json"]
    if draw.random() < 0.7:
        words += ["--updates", draw.choice(UPDATES) if draw.random() < 0.3 else "0,2"]
    for name in draw.sample(("--layer", "--sequence", "--unit"), draw.randrange(3)):
        words += [name, draw.choice(("0", "0", "0", "0", "1", "2", "-1", str(2**63), "x"))]
    words += ["--quiet"] * (draw.random() < QUIET)
    return Case(words, {options.file_name(n): data for n, data in files.items()}, b"", ["out.json"])


def _group(name: str, make: Callable[[Draw], Case], count: int = 2000) -> Group:
    def one(draw: Draw, folder: Path) -> str:
        return f"status {check(make(draw), folder)}"

    return Group(name, count, one, make)


READERS = [
    *(
        _group(f"{lab} --{option.replace('_', '-')}", partial(reader, lab, option))
        for lab, made in options.FILES.items()
        for option in made
        if not option.startswith("test_")
    ),
    _group("standard input", standard_input),
    _group("checkpoint", checkpoint),
    _group("convert", convert),
]
OPTIONS = [
    *(_group(f"options of {lab}", partial(options.lab_case, lab=lab)) for lab in LABS),
    _group("options of trace", trace),
]
RUNS = [Group("kills", 100, runs.killed), Group("writers", 50, runs.two_writers)]
GROUPS = {group.name: group for group in (*READERS, *OPTIONS, *RUNS)}
"""All groups, by name."""
