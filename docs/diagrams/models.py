"""The diagrams of the unrolled layer and of the seq2seq model.

Here are the places of the nodes. The edges come from the numbered equations (source.py).
"""

import re
from collections.abc import Iterable, Mapping

from .drawing import Box, frame, layered, pair, picture, single, stub, text
from .source import NUMPY, Instance, equations, instance

STEPS = 3
INTEGERS = ("w", "target")  # data and words: they have no gradient


def unrolled() -> str:
    """One direction of a layer over three steps, all sequences equally long."""
    found = equations(NUMPY / "layer.py")
    step, output, _ = found
    instances = [instance(equation, t) for t in range(STEPS) for equation in (step, output)]
    places = {"s_0": (75.0, 270.0)}
    widths = {}
    for t in range(STEPS):
        x = 270 + 272 * t
        places |= {f"s_{t + 1}": (x, 270), f"x_{t}": (x - 84, 355), f"y_{t}": (x, 180)}
        widths[f"s_{t + 1}"] = 204
    boxes = _boxes(places, widths, instances)
    boxes["θ"] = Box(542, 430, ["parameters θ"], "", "parameter", 748)
    boxes["loss"] = Box(542, 85, ["loss"], "", "", 748)
    drawn = _arrows(boxes, instances)
    for t in range(STEPS):
        drawn.append(pair(boxes["θ"], boxes[f"s_{t + 1}"], [f"d_θ_{t} {step.number}"]))
        drawn.append(pair(boxes[f"y_{t}"], boxes["loss"], [f"d_y_{t}"]))
    drawn.append(stub(boxes["s_0"], (12, 270), "d_s_0", inward=True))
    drawn.append(stub(boxes[f"s_{STEPS}"], (988, 270), f"d_s_{STEPS}", inward=False))
    title = "A layer unrolled over three steps: numpy_bptt/layer.py"
    return picture(title, (1000, 490), layered(drawn, boxes), [found])


def seq2seq() -> str:
    """The encoder, and two steps of the decoder's loop."""
    encoder, loop = equations(NUMPY / "models/encoder.py"), equations(NUMPY / "models/seq2seq.py")
    numbered = {equation.number: equation for equation in loop}
    instances = [instance(equation, 0) for equation in encoder]
    instances.append(instance(numbered["(1)"], 0)._replace(reads=["s"]))  # the encoder's s
    instances += [instance(numbered[number], 0) for number in ("(2)", "(9)")]
    places = {"w": (120, 110), "x": (120, 190), "s_n": (120, 270), "s": (120, 350)}
    places |= {"s_0": (315, 350), "w_0": (315, 440), "w_1": (660, 180)}
    widths: dict[str, float] = {}
    for t in range(2):
        instances += [instance(numbered[f"({k})"], t) for k in (4, 5, 6, 7)]
        instances.append(instance(numbered["(8)"], t)._replace(target=f"loss_{t}"))
        x, target = 470 + 310 * t, 660 + 310 * t
        places |= {f"x_{t}": (x - 50 * t, 440), f"s_{t + 1}": (x, 350), f"o_{t}": (x, 265)}
        places |= {f"log p_{t}": (x, 180), f"loss_{t}": (x, 95), f"target_{t}": (target, 95)}
        widths |= {f"x_{t}": 90 + 100 * t, f"s_{t + 1}": 90, f"o_{t}": 90, f"log p_{t}": 106, f"loss_{t}": 90}
    boxes = _boxes(places, widths, instances)
    drawn = _arrows(boxes, instances)
    drawn.append((single("constant", boxes["log p_0"], boxes["w_1"]), text(574, 167, "argmax", "remark")))
    frames = [frame(30, 60, 150, 330, "models/encoder.py"), frame(262, 60, 780, 415, "models/seq2seq.py")]
    columns = [("", "models/seq2seq.py"), *loop], [("", "models/encoder.py"), *encoder]
    title = "Encoder, and two steps of the decoder: numpy_bptt/models/"
    return picture(title, (1062, 510), [*frames, *layered(drawn, boxes)], columns)


def _boxes(
    places: Mapping[str, tuple[float, float]], widths: Mapping[str, float], instances: Iterable[Instance]
) -> dict[str, Box]:
    """A box for each name, with the number of the equation that computes it."""
    numbers = {target: number for number, target, _ in instances}
    return {
        name: Box(x, y, [re.sub("loss_.", "loss", name)], numbers.get(name, ""), "", widths.get(name, 0))
        for name, (x, y) in places.items()
    }


def _arrows(boxes: Mapping[str, Box], instances: Iterable[Instance]) -> list[tuple[str, str]]:
    """(arrows, label) of every value that is read. h is a part of the state: what reads h_1 reads s_1."""
    drawn = []
    for number, target, reads in instances:
        for name in reads:
            source = boxes[name.replace("h_", "s_")]
            if name.split("_")[0] in INTEGERS:
                drawn.append((single("constant", source, boxes[target]), ""))
            else:
                drawn.append(pair(source, boxes[target], [f"d_{name} {number}"]))
    return drawn
