"""An .onnx file: the recurrent nodes in it, and a file of such nodes that runs; needs the package onnx.

Axes (scratch_rnn/notation.py): T time, N batch, I input, H hidden, D directions, S states.

The graph that is written has torch's inputs and outputs, all of them needed: x (T, N, I), h_0 (S, N, H), for
an LSTM c_0; output (T, N, D·H), h_n, c_n.
"""

from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

from scratch_rnn.checks import message
from scratch_rnn.convert.onnx import Node
from scratch_rnn.weight_files.packages import package

INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")

PASSED = ("Transpose", "Reshape", "Squeeze", "Identity", "Dropout", "Cast")
"""Operators that may be between two layers."""


def read(path: Path) -> tuple[str, list[Node]]:
    """(kind, one node for each layer).

    Raises:
        ValueError: no file that onnx reads; no recurrent node, nodes of two kinds or not one after another;
            weights that are computed; an initial state other than 0; an attribute that Node does not have.
    """
    onnx = package("onnx", str(path))
    try:
        graph = onnx.load(path).graph
    except Exception as error:  # protobuf raises many types
        raise ValueError(message(str(path), "an ONNX model", type(error).__name__)) from None
    arrays = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            arrays[node.output[0]] = onnx.numpy_helper.to_array(node.attribute[0].t)
    made_by = {name: node for node in graph.node for name in node.output}
    found = [node for node in graph.node if node.op_type in ("RNN", "LSTM", "GRU")]
    if len({node.op_type for node in found}) != 1:
        kinds = [node.op_type for node in found]
        raise ValueError(message(str(path), "nodes RNN, LSTM or GRU, all of one kind", kinds))
    for before, node in pairwise(found):
        name = node.input[0]
        while name in made_by and made_by[name].op_type in PASSED:
            name = made_by[name].input[0]
        if name != before.output[0]:
            raise ValueError(
                message(str(path), f"{node.name} to read only the outputs of {before.name}", name)
            )
    return found[0].op_type.lower(), [_node(str(path), onnx, node, arrays) for node in found]


def _node(who: str, onnx: ModuleType, node: Any, arrays: dict[str, Any]) -> Node:
    given = {kind: name for kind, name in zip(INPUTS, node.input, strict=False) if name}
    values = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
    unknown = sorted(set(values) - set(Node._fields))
    computed = [given[kind] for kind in "WRBP" if kind in given and given[kind] not in arrays]
    states = [given.get(kind) for kind in ("initial_h", "initial_c")]
    if unknown or computed or any(name in arrays and arrays[name].any() for name in states):
        expected = "W, R, B and P to be constants, first states 0, and no other attributes"
        raise ValueError(message(who, expected, f"{node.name} with {unknown + computed or states}"))
    if "direction" in values:
        values["direction"] = values["direction"].decode()
    if "activations" in values:
        values["activations"] = tuple(each.decode() for each in values["activations"])
    return Node(**{kind: arrays[given[kind]] for kind in "WRBP" if kind in given}, **values)


def to_bytes(kind: str, nodes: list[Node]) -> bytes:
    """The content of an .onnx file, one node for each layer; ValueError where onnx is not installed."""
    onnx = package("onnx", "onnx")
    make, letters, numbers = onnx.helper.make_node, "hc" if kind == "lstm" else "h", range(len(nodes))
    constants, steps = [], []
    for s in letters:
        parts = [f"{s}_0_{k}" for k in numbers]
        steps.append(make("Split", [f"{s}_0"], parts, axis=0, num_outputs=len(nodes)))
    for k, node in enumerate(nodes):
        arrays = {f"{name}_{k}": a for name, a in zip("WRB", node[:3], strict=True) if a is not None}
        constants += [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()]
        names = ("direction", "hidden_size", "activations", *["linear_before_reset"] * (kind == "gru"))
        attributes = {n: getattr(node, n) for n in names if getattr(node, n) is not None}
        first = [*arrays, *[""] * (4 - len(arrays)), *(f"{s}_0_{k}" for s in letters)]
        outputs = [f"Y_{k}", *(f"{s}_n_{k}" for s in letters)]
        after = f"x_{k + 1}" if k + 1 < len(nodes) else "output"
        steps += [
            make(kind.upper(), [f"x_{k}" if k else "x", *first], outputs, f"layer_{k}", **attributes),
            make("Transpose", [f"Y_{k}"], [f"rows_{k}"], perm=[0, 2, 1, 3]),
            make("Reshape", [f"rows_{k}", "shape"], [after]),
        ]
    steps += [make("Concat", [f"{s}_n_{k}" for k in numbers], [f"{s}_n"], axis=0) for s in letters]
    return _model(
        onnx, steps, constants, ["x", *(f"{s}_0" for s in letters)], ["output", *(f"{s}_n" for s in letters)]
    )


def _model(
    onnx: ModuleType, steps: list[Any], constants: list[Any], inputs: list[str], outputs: list[str]
) -> bytes:
    kind, make = constants[0].data_type, onnx.helper.make_tensor_value_info
    axes = [None, None, None]
    shape = onnx.helper.make_tensor("shape", onnx.TensorProto.INT64, [3], [0, 0, -1])
    values = [[make(name, kind, axes) for name in names] for names in (inputs, outputs)]
    graph = onnx.helper.make_graph(steps, "scratch_rnn", *values, [*constants, shape])
    opsets = [onnx.helper.make_opsetid("", 22)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
