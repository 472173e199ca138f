"""ONNX: W, R and B of the operators RNN, LSTM and GRU, one node for each layer.

Axes (scratch_rnn/notation.py): T time, N batch, D directions, I input, H hidden, G gate rows.

    W  (D, G, I)     weight_ih                      X  (T, N, I)
    R  (D, G, H)     weight_hh                      Y  (T, D, N, H)
    B  (D, 2G)       [b_ih, b_hh]                   initial_h, Y_h  (D, N, H)

With layout=1 the batch comes first: X (N, T, I), Y (N, T, D, H), states (N, D, H). The arrays are the same.

A GRU with linear_before_reset=1 is torch's GRU. ONNX's default is 0, the reset gate before the product: only
a layer that does so computes the same. Reading and writing an .onnx file is in
scratch_rnn/weight_files/onnx_file.py.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from scratch_rnn import checks
from scratch_rnn.convert.gates import Layout, Named, from_cells, read_cell, to_cells, write_cell
from scratch_rnn.parameters import HasShape

ORDER = {"rnn": "h", "lstm": "iofc", "gru": "zrh"}

ACTIVATIONS = {"rnn": ("Tanh",), "lstm": ("Sigmoid", "Tanh", "Tanh"), "gru": ("Sigmoid", "Tanh")}
"""ONNX's defaults, for one direction."""


class Node(NamedTuple):
    """One operator: its constant inputs and its attributes, by ONNX's names and with ONNX's defaults.

    Gradients have the same type: W, R and B are then the gradients of these.
    """

    W: ndarray
    R: ndarray
    B: ndarray | None = None
    P: ndarray | None = None
    direction: str = "forward"
    layout: int = 0
    clip: float | None = None
    activations: Sequence[str] | None = None
    linear_before_reset: int = 0
    hidden_size: int | None = None
    input_forget: int = 0


def to_torch(
    kind: str,
    nodes: Sequence[Node],
    *,
    linear_before_reset: int | None = None,
    nonlinearity: str | None = None,
) -> Named:
    """Torch's names and arrays of one node for each layer, first layer first, of either layout.

    linear_before_reset, of a GRU only: None is 1. With 0 the result is for a GRU with reset_after=False.
    nonlinearity, of an RNN only: "tanh" or "relu", None is "tanh". ValueError where a node does not agree, or
    has something that torch's layers do not have.
    """
    reset, activations = _options(kind, linear_before_reset, nonlinearity)
    directions = [node.direction for node in nodes]
    if len(set(directions)) != 1:
        raise ValueError(checks.message("onnx", "one node for each layer, all of one direction", directions))
    cells = {}
    for k, node in enumerate(nodes):
        _expect_attributes(kind, node, reset, activations)
        for d, cell in enumerate(_read(kind, node)):
            cells[f"_l{k}" + "_reverse" * d] = cell
    return from_cells("onnx", kind, cells)


def from_torch(
    kind: str,
    named: Mapping[str, HasShape],
    *,
    linear_before_reset: int | None = None,
    nonlinearity: str | None = None,
) -> list[Node]:
    """One node for each layer, with layout=0. The options are those of the layer of `named`.

    linear_before_reset is 1 for reset_after=True, 0 for False.
    """
    reset, activations = _options(kind, linear_before_reset, nonlinearity)
    sizes, cells = to_cells("onnx", kind, named)
    make = partial(
        Node,
        direction="bidirectional" if sizes.bidirectional else "forward",
        activations=None if activations == ACTIVATIONS[kind] else activations * sizes.directions,
        linear_before_reset=reset,
        hidden_size=sizes.hidden_size,
    )
    written = [list(write_cell(kind, _layout(kind), cell, adjoint=False).values()) for cell in cells.values()]
    parts = [[w, r, np.concatenate(b)] if b else [w, r] for w, r, *b in written]
    nodes = []
    for first in range(0, len(parts), sizes.directions):
        w, r, *b = map(np.stack, zip(*parts[first : first + sizes.directions], strict=True))
        nodes.append(make(W=w, R=r, B=b[0] if b else None))
    return nodes


def to_torch_backward(
    kind: str, d_named: Mapping[str, HasShape], *, linear_before_reset: int | None = None
) -> list[Node]:
    """Gradients of W, R and B of each node; arguments as from_torch.

    to_torch only moves entries: its adjoint moves them to where they came from, as from_torch does.
    """
    return from_torch(kind, d_named, linear_before_reset=linear_before_reset)


def y_in(y: ndarray, layout: int = 0) -> ndarray:
    """Torch's output (T, N, D·H) of ONNX's Y (T, D, N, H), with layout=1 (N, T, D, H); gradients alike."""
    axes: dict[str, int | None] = dict.fromkeys("NTDH" if _expect_layout(layout) else "TDNH")
    checks.expect_shape("onnx", "Y", y.shape, **axes)
    y = y.transpose(1, 0, 2, 3) if layout else y.transpose(0, 2, 1, 3)
    return y.reshape(*y.shape[:2], -1)


def y_out(output: ndarray, directions: int, layout: int = 0) -> ndarray:
    """ONNX's Y (T, D, N, H), with layout=1 (N, T, D, H), of torch's output (T, N, D·H); gradients alike."""
    checks.expect_shape("onnx", "output", output.shape, T=None, N=None, P=None)
    steps, rows, width = output.shape
    if directions not in (1, 2) or width % directions:
        raise ValueError(checks.message("onnx", f"{width} features in 1 or 2 directions", directions))
    y = output.reshape(steps, rows, directions, width // directions)
    return y.transpose(1, 0, 2, 3) if _expect_layout(layout) else y.transpose(0, 2, 1, 3)


def _expect_layout(layout: int) -> int:
    if layout not in (0, 1):
        raise ValueError(checks.message("onnx", "layout to be 0 or 1", layout))
    return layout


def _options(
    kind: str, linear_before_reset: int | None, nonlinearity: str | None
) -> tuple[int, tuple[str, ...]]:
    """linear_before_reset and the activations of one direction that a node must have."""
    checks.expect_one_of("onnx", "kind", kind, list(ORDER))
    if linear_before_reset not in ((None, 0, 1) if kind == "gru" else (None,)):
        expected = "linear_before_reset to be 0 or 1" if kind == "gru" else "no linear_before_reset"
        raise ValueError(checks.message("onnx", f"{expected} for kind {kind!r}", linear_before_reset))
    if nonlinearity not in ((None, "tanh", "relu") if kind == "rnn" else (None,)):
        expected = "nonlinearity to be 'tanh' or 'relu'" if kind == "rnn" else "no nonlinearity"
        raise ValueError(checks.message("onnx", f"{expected} for kind {kind!r}", repr(nonlinearity)))
    reset = int(kind == "gru" and linear_before_reset != 0)
    return reset, ("Relu",) if nonlinearity == "relu" else ACTIVATIONS[kind]


def _expect_attributes(kind: str, node: Node, reset: int, activations: tuple[str, ...]) -> None:
    """ValueError for an attribute that changes what is computed and that the layer does not have."""
    _expect_layout(node.layout)
    checks.expect_one_of("onnx", "direction", node.direction, ["forward", "bidirectional"])
    directions = 2 if node.direction == "bidirectional" else 1
    names = activations * directions
    given = tuple(node.activations or ACTIVATIONS[kind] * directions)
    peepholes = "" if node.P is None else f"shape {np.shape(node.P)}"
    for what, expected, got, equal in [
        ("clip", None, node.clip, node.clip is None),
        ("input_forget", 0, node.input_forget, node.input_forget == 0),
        ("linear_before_reset", reset, node.linear_before_reset, node.linear_before_reset == reset),
        ("activations", names, given, [n.lower() for n in given] == [n.lower() for n in names]),
        ("P (peepholes)", "no entry but 0", peepholes, node.P is None or not np.any(node.P)),
    ]:
        if not equal:
            raise ValueError(checks.message("onnx", f"{kind} with {what} = {expected}", got))


def _layout(kind: str) -> Layout:
    return Layout(ORDER[kind], ("W",), ("R",), ("Wb",), ("Rb",), apart=ORDER[kind])


def _read(kind: str, node: Node) -> list[Named]:
    """The cell of each direction of one node by torch's names."""
    w, r = np.asarray(node.W), np.asarray(node.R)
    directions = 2 if node.direction == "bidirectional" else 1
    checks.expect_shape("onnx", "R", r.shape, D=directions, G=None, H=None)
    checks.expect_shape("onnx", "W", w.shape, D=directions, G=None, I=None)
    if node.hidden_size not in (None, r.shape[2]):
        raise ValueError(checks.message("onnx", f"hidden_size = {r.shape[2]}, as R has", node.hidden_size))
    arrays = {"W": w, "R": r}
    if node.B is not None:
        b, rows = np.asarray(node.B), r.shape[1]
        checks.expect_shape("onnx", "B = [Wb, Rb]", b.shape, **{"D": directions, "2G": 2 * rows})
        arrays |= {"Wb": b[:, :rows], "Rb": b[:, rows:]}
    cells = [{name: array[d] for name, array in arrays.items()} for d in range(directions)]
    return [read_cell("onnx", kind, _layout(kind), cell) for cell in cells]
