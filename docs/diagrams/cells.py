"""Where the nodes of each cell's diagram are. All else comes from the cell's source (source.py).

A layout that lacks a node of the source, or has one that the source lacks, raises ValueError.
"""

from typing import NamedTuple

from .drawing import Box, Point, layered, pair, picture, stub
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
        (720, 380),
        {"h": (85, 100), "x": (85, 175), "p(a)": (85, 275), "a": (280, 200, 50, 250), "h_next": (500, 135)},
        {"h": (12, 100), "x": (12, 175), "h_next": (705, 135)},
    ),
    "lstm": Layout(
        "LSTM, one step",
        (900, 560),
        {
            "c": (85, 95),
            "h": (85, 200),
            "x": (85, 290),
            "p(a)": (85, 410),
            "a": (280, 335, 50, 350),
            **{f"a_{gate}": (383, y) for gate, y in zip("figo", (190, 280, 370, 475), strict=True)},
            **{gate: (502, y) for gate, y in zip("figo", (190, 280, 370, 475), strict=True)},
            "c_next": (624, 235, 76, 326),
            "m": (624, 475, 60, 56),
            "h_next": (768, 475),
            "p(h_next)": (768, 375),
        },
        {"c": (12, 95), "h": (12, 200), "x": (12, 290), "c_next": (888, 95), "h_next": (888, 475)},
    ),
    "gru": Layout(
        "GRU, one step",
        (930, 600),
        {
            "h": (85, 95),
            "p(v)": (85, 300),
            "x": (85, 465),
            "p(u)": (85, 530),
            "v": (280, 280, 50, 270),
            "z": (450, 190),
            "r": (579, 290),
            "v_n": (385, 390),
            "u": (580, 505, 380, 90),
            "n": (692, 340, 56, 150),
            "h_next": (816, 190, 76, 240),
        },
        {"h": (12, 95), "x": (12, 465), "h_next": (918, 190)},
    ),
}


def draw(cell: str) -> str:
    """The SVG of one cell."""
    layout, path = LAYOUTS[cell], NUMPY / f"{cell}.py"
    graph = cell_graph(path)
    boxes, parameters, edges = _boxes(graph, layout)
    drawn = []
    for k, edge in enumerate(edges):
        label = parameters.get(edge.source, [edge.adjoint])
        repeated = any(edge.source == e.source and edge.adjoint == e.adjoint for e in edges[k + 1 :])
        drawn.append(pair(boxes[edge.source], boxes[edge.target], [] if repeated else label))
    for name, outside in layout.stubs.items():
        drawn.append(stub(boxes[name], outside, f"d_{name}", inward=name in graph.inputs))
    title = f"{layout.title}: numpy_bptt/{cell}.py"
    return picture(title, layout.size, layered(drawn, boxes), [equations(path)])


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
