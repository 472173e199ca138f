"""The diagrams of the unrolled layer and of the seq2seq model.

Here are the places of the nodes. The edges come from the numbered equations (source.py).
"""

from collections.abc import Iterable, Mapping

from .drawing import Box, frame, pair, picture, single, stub, text
from .source import NUMPY, Instance, equations, instance

STEPS = 3
INTEGERS = ("w", "target", "source")  # data and words: they have no gradient


def unrolled() -> str:
    """One direction of a layer over three steps, all sequences equally long."""
    step, output, _ = equations(NUMPY / "layer.py")
    boxes = {
        "s_0": Box(90, 270, ["s_0"]),
        "θ": Box(590, 430, ["parameters θ"], "", "parameter", 760),
        "loss": Box(590, 85, ["loss"], "", "", 760),
    }
    for t in range(STEPS):
        x = 320 + 270 * t
        boxes[f"s_{t + 1}"] = Box(x, 270, [f"s_{t + 1}"], step.number, "", 204)
        boxes[f"x_{t}"] = Box(x - 84, 355, [f"x_{t}"])
        boxes[f"y_{t}"] = Box(x, 180, [f"y_{t}"], output.number)
    instances = [instance(equation, t) for t in range(STEPS) for equation in (step, output)]
    parts, labels = _arrows(boxes, instances)
    for t in range(STEPS):
        for source, target, adjoint in (
            ("θ", f"s_{t + 1}", f"d_θ_{t} {step.number}"),
            (f"y_{t}", "loss", f"d_y_{t}"),
        ):
            arrows, words = pair(boxes[source], boxes[target], [adjoint])
            parts.append(arrows)
            labels.append(words)
    for name, outside in (("s_0", (15, 270)), ("s_3", (1045, 270))):
        arrows, words = stub(boxes[name], outside, f"d_{name}", inward=name == "s_0")
        parts.append(arrows)
        labels.append(words)
    drawn = [box.draw() for box in boxes.values()]
    title = "A layer unrolled over three steps: numpy_bptt/layer.py"
    return picture(title, (1060, 490), [*parts, *drawn, *labels], [equations(NUMPY / "layer.py")])


def seq2seq() -> str:
    """The encoder, and two steps of the decoder's loop."""
    encoder, loop = equations(NUMPY / "models/encoder.py"), equations(NUMPY / "models/seq2seq.py")
    boxes = {
        "w": Box(120, 110, ["w"]),
        "x": Box(120, 190, ["x"], "(1)"),
        "s_n": Box(120, 270, ["s_n"], "(2)"),
        "s": Box(120, 350, ["s"], "(3)"),
        "s_0": Box(315, 350, ["s_0"], "(1)"),
        "w_0": Box(315, 440, ["w_0"], "(2)"),
    }
    for t in range(2):
        x = 470 + 310 * t
        boxes |= {
            f"x_{t}": Box(x - 50 * t, 440, [f"x_{t}"], "(4)", "", 90 + 100 * t),
            f"s_{t + 1}": Box(x, 350, [f"s_{t + 1}"], "(5)", "", 90),
            f"o_{t}": Box(x, 265, [f"o_{t}"], "(6)", "", 90),
            f"log p_{t}": Box(x, 180, [f"log p_{t}"], "(7)", "", 106),
            f"loss_{t}": Box(x, 95, ["loss"], "(8)", "", 90),
            f"target_{t}": Box(x + 190, 95, [f"target_{t}"]),
        }
    boxes["w_1"] = Box(660, 180, ["w_1"], "(9)")
    instances = [instance(equation, 0) for equation in encoder]
    numbered = {equation.number: equation for equation in loop}
    for t in range(2):
        instances += [instance(numbered[f"({k})"], t) for k in (4, 5, 6, 7)]
        instances.append(instance(numbered["(8)"], t)._replace(target=f"loss_{t}"))
    instances.append(instance(numbered["(9)"], 0))
    parts, labels = _arrows(boxes, instances)
    arrows, words = pair(boxes["s"], boxes["s_0"], ["d_s (1)"])
    parts += [arrows, single("constant", boxes["log p_0"], boxes["w_1"])]
    labels += [words, text(574, 167, "argmax", "remark")]
    frames = [frame(30, 60, 150, 330, "models/encoder.py"), frame(262, 60, 780, 415, "models/seq2seq.py")]
    drawn = [box.draw() for box in boxes.values()]
    columns = [("", "models/seq2seq.py"), *loop], [("", "models/encoder.py"), *encoder]
    title = "Encoder, and two steps of the decoder: numpy_bptt/models/"
    return picture(title, (1062, 510), [*frames, *parts, *drawn, *labels], columns)


def _arrows(boxes: Mapping[str, Box], instances: Iterable[Instance]) -> tuple[list[str], list[str]]:
    """Arrows and labels of every equation. h is a part of the state, so what reads h_1 reads s_1."""
    parts, labels = [], []
    for number, target, reads in instances:
        for name in reads:
            source, kind = boxes[name.replace("h_", "s_")], name.split("_")[0]
            if kind in INTEGERS:
                parts.append(single("constant", source, boxes[target]))
            else:
                arrows, words = pair(source, boxes[target], [f"d_{name} {number}"])
                parts.append(arrows)
                labels.append(words)
    return parts, labels
