"""Command lines of a lab: small settings and small files, and options with right and wrong values."""

import random
from collections.abc import Callable, Sequence

from scratch_rnn.labs import LABS
from scratch_rnn.labs.harness.options import Option, flag, options_of
from tests.fuzz import content
from tests.fuzz.command import Case

Draw = random.Random
Made = Callable[[Draw], bytes]

FILES: dict[str, dict[str, Made]] = {
    "longseq": {"file": content.text},
    "charlm": {"file": content.text, "test_file": content.text},
    "timeseries": {"csv": content.csv},
    "seq2seq": {"pairs": content.pairs, "test_pairs": content.pairs},
    "packed": {"words": content.text},
    "one-to-many": {"digits": content.digits, "test_digits": content.digits, "image": content.png},
    "many-to-one": {"examples": content.examples, "test_examples": content.examples},
}
"""The files that a lab reads, by option: how a valid one is made. The first is given in most cases."""
SMALL = {
    "hihello": {"head": ""},
    "charseq": {"head": ""},
    "longseq": {"window": "3"},
    "charlm": {"window": "2", "batch_size": "2"},
    "timeseries": {"window": "2", "columns": "a,b", "target": "a"},
    "memory": {"length": "4", "batch_size": "2"},
}
"""Settings of a lab that make it quick, besides those of all."""
UNTRAINED = ("basics", "packed")
ENDLESS = ("steps", "epochs", "sample", "forecast", "save_every")
"""A large number is valid here, and takes a long time."""
WRONG = ("-1", "0", "x", "", "1.5", "nan", "1e999", "1_0", "٣", " 1", "-")
HUGE = (str(2**40), str(2**63), str(2**64 - 1), str(2**64), str(10**30), "9" * 400)
REAL = ("0.5", "0.01", "1", "2.5", "1e-300", "5e-324", "1e300", "-0.0", "1e-9")
TEXTS = ("a,b", "a", "b,a", "day", "A , b", "hello", "tab", ";", "우리", "the cat", "aaa", "\udcff", "$x$")
PLOTS = 0.005
"""Share of the cases that draw a picture: it takes as long as a hundred others."""


def file_name(option: str) -> str:
    """The name of an input in the folder of a case."""
    return {"csv": "csv.csv", "image": "image.png"}.get(option, f"{option}.txt")


def settings_of(lab: str) -> dict[str, str]:
    """A quick run."""
    steps = {} if lab in UNTRAINED else {"steps": "1"}
    return {"hidden": "3", **steps, **SMALL.get(lab, {})}


def line(lab: str, settings: dict[str, str], files: dict[str, bytes]) -> list[str]:
    """A command line of `lab` with these settings; an empty value is a flag."""
    words = ["lab", lab]
    for name, value in settings.items():
        words += [flag(name), value] if value or name not in ("head", "quiet") else [flag(name)]
    for name in files:
        words += [flag(name), file_name(name)]
    return words


def value(draw: Draw, option: Option) -> str:
    """A value of an option, of the right type or of a wrong one."""
    if option.choices and draw.random() < 0.9:
        return draw.choice(list(option.choices))
    if draw.random() < 0.15:
        return draw.choice(WRONG)
    if option.kind is int or "int" in str(option.kind):
        return (
            draw.choice(HUGE)
            if draw.random() < 0.2 and option.name not in ENDLESS
            else str(draw.randint(1, 5))
        )
    if option.kind is float:
        return draw.choice(REAL) if draw.random() < 0.8 else draw.choice(HUGE)
    some = TEXTS if draw.random() < 0.7 else content.STRANGE
    return draw.choice(some).replace("\0", "")


def chosen(draw: Draw, lab: str) -> tuple[dict[str, str], dict[str, bytes]]:
    """(settings, files by option) of a lab: quick ones, with a few others in their place."""
    settings, made = settings_of(lab), FILES.get(lab, {})
    files = {
        name: make(draw) for n, (name, make) in enumerate(made.items()) if draw.random() < (0.2, 0.95)[n == 0]
    }
    options = [each for each in options_of(LABS[lab].options) if not each.file]
    for each in draw.sample(options, min(len(options), draw.choice((0, 1, 1, 2, 2, 3, 4)))):
        if each.kind is bool:
            settings.pop(each.name, None)
            if draw.random() < 0.5:
                settings[each.name] = ""
        else:
            settings[each.name] = value(draw, each)
        if each.name == "epochs":
            settings.pop("steps", None)
            if lab == "charlm":  # an epoch of its own text takes a long time
                files |= {name: make(draw) for name, make in made.items() if name not in files}
    return settings, files


def lab_case(draw: Draw, lab: str) -> Case:
    """A command line of one lab, with outputs, some of which are an input or another output."""
    settings, files = chosen(draw, lab)
    words = line(lab, settings, files)
    words += ["--impl", draw.choice(("numpy", "numpy", "numpy", "torch", "reference"))]
    words += ["--quiet"] * (draw.random() < 0.8)
    outputs = {"json": "out.json"}
    if lab not in UNTRAINED and draw.random() < 0.2:
        outputs["save"] = "run.npz"
        words += ["--save-every", value(draw, Option("save_every", int, None))] * (draw.random() < 0.5)
    if draw.random() < PLOTS:
        outputs["plot"] = draw.choice(("a.png", "a.svg", "a.pdf", "a.PNG"))
    given = {file_name(name): data for name, data in files.items()}
    placed, links = misplaced(draw, outputs, list(given)) if draw.random() < 0.15 else (outputs, [])
    for name, path in placed.items():
        words += [flag(name), path]
    stdin = content.mutated(draw, content.text(draw))
    return Case(words, given | {"sub/x": b""}, stdin, list(outputs.values()), links)


def misplaced(
    draw: Draw, outputs: dict[str, str], inputs: Sequence[str]
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The outputs, one of them where it must not be written, and the links that this takes."""
    name = draw.choice(list(outputs))
    others = [path for other, path in outputs.items() if other != name]
    target = draw.choice([*inputs, *others, "sub", "no/folder/x"])
    spelled = draw.choice((target, f"./{target}", f"sub/../{target}", "link"))
    return outputs | {name: spelled}, [("link", target)]
