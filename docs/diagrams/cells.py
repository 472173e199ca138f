"""Where the nodes of each cell's diagram are. All else comes from the cell's source (source.py).

A layout that lacks a node of the source, or has one that the source lacks, raises ValueError.
"""

from typing import NamedTuple

from .drawing import Box, Point, pair, picture, stub
from .source import NUMPY, Edge, Graph, cell_graph, equations

Place = tuple[float, float] | tuple[float, float, float, float]
"""Centre of a box, and its width and height, if they are not those of the text."""


class Layout(NamedTuple):
    """Where the nodes are; `p(a)` is the box of the parameters that `a` reads. In pixels."""

    title: str
    size: Point
    places: dict[str, Place]
    stubs: dict[str, Point]  # where the arrows from and to the outside end


LAYOUTS = {
    "rnn": Layout(
        "RNN, one step",
        (800, 380),
        {
            "h": (110, 100),
            "x": (110, 175),
            "p(a)": (110, 275),
            "a": (325, 200, 50, 250),
            "h_next": (570, 135),
        },
        {"h": (20, 100), "x": (20, 175), "h_next": (780, 135)},
    ),
    "lstm": Layout(
        "LSTM, one step",
        (1120, 550),
        {
            "c": (110, 95),
            "h": (110, 200),
            "x": (110, 290),
            "p(a)": (110, 410),
            "a": (325, 330, 50, 350),
            **{f"a_{gate}": (428, y) for gate, y in zip("figo", (190, 280, 370, 460), strict=True)},
            **{gate: (560, y) for gate, y in zip("figo", (190, 280, 370, 460), strict=True)},
            "c_next": (686, 242, 76, 340),
            "m": (840, 415, 50, 150),
            "h_next": (975, 400),
            "p(h_next)": (975, 500),
        },
        {"c": (20, 95), "h": (20, 200), "x": (20, 290), "c_next": (1105, 95), "h_next": (1105, 400)},
    ),
    "gru": Layout(
        "GRU, one step",
        (1060, 600),
        {
            "h": (110, 95),
            "p(v)": (110, 300),
            "x": (110, 465),
            "p(u)": (110, 530),
            "v": (320, 280, 50, 270),
            "z": (500, 190),
            "r": (660, 290),
            "v_n": (420, 390),
            "u": (610, 505, 440, 90),
            "n": (780, 340, 56, 150),
            "h_next": (930, 190, 76, 240),
        },
        {"h": (20, 95), "x": (20, 465), "h_next": (1048, 190)},
    ),
}


def draw(cell: str) -> str:
    """The SVG of one cell."""
    layout, path = LAYOUTS[cell], NUMPY / f"{cell}.py"
    graph = cell_graph(path)
    boxes, parameters, edges = _boxes(graph, layout)
    parts, labels = [], []
    for k, edge in enumerate(edges):
        label = parameters.get(edge.source, [edge.adjoint])
        repeated = any(edge.source == e.source and edge.adjoint == e.adjoint for e in edges[k + 1 :])
        arrows, words = pair(boxes[edge.source], boxes[edge.target], [] if repeated else label)
        parts.append(arrows)
        labels.append(words)
    for name, outside in layout.stubs.items():
        arrows, words = stub(boxes[name], outside, f"d_{name}", inward=name in graph.inputs)
        parts.append(arrows)
        labels.append(words)
    drawn = [box.draw() for box in boxes.values()]
    title = f"{layout.title}: numpy_bptt/{cell}.py"
    return picture(title, layout.size, [*parts, *drawn, *labels], [equations(path)])


def _boxes(graph: Graph, layout: Layout) -> tuple[dict[str, Box], dict[str, list[str]], list[Edge]]:
    """The boxes, the adjoints of each box of parameters, and the edges between boxes."""
    lines: dict[str, list[str]] = {}
    adjoints: dict[str, list[str]] = {}
    edges = []
    for edge in graph.edges:
        if edge.source.startswith(("weight_", "bias_")):
            group = f"p({edge.target})"
            lines.setdefault(group, []).append(edge.source)
            adjoints.setdefault(group, []).append(edge.adjoint)
            edge = Edge(group, edge.target, "")
        else:
            lines.setdefault(edge.source, [edge.source])
        lines.setdefault(edge.target, [edge.target])
        if edge not in edges:
            edges.append(edge)
    if set(lines) != set(layout.places):
        raise ValueError(f"{layout.title}: expected places of {sorted(lines)}, got {sorted(layout.places)}")
    boxes = {}
    for name, text in lines.items():
        x, y, *size = layout.places[name]
        boxes[name] = Box(x, y, text, graph.numbers.get(name, ""), "parameter" if "(" in name else "", *size)
    return boxes, adjoints, edges
