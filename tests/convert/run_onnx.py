"""ONNX's reference evaluator in float64: outputs, gradients by complex steps through it; its node tests."""

import json
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy import ndarray
from onnx.backend.test.case.node import collect_testcases
from onnx.reference import ReferenceEvaluator

from tests.convert.cases import HIDDEN, INPUTS, Case, Record, draw

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
TINY = 1e-30


def attributes(case: Case) -> dict[str, Any]:
    given: dict[str, Any] = {"hidden_size": HIDDEN}
    given["direction"] = "bidirectional" if case.directions == 2 else "forward"
    options = dict(case.options)
    if options.pop("nonlinearity", None) == "relu":
        given["activations"] = ["Relu"] * case.directions
    return given | options


def model(case: Case) -> onnx.ModelProto:
    """One node, all of its inputs inputs of the graph."""
    states = [f"initial_{letter}" for letter in case.letters]
    names = ["X", "W", "R", "B", "sequence_lens", *states]
    outputs = ["Y", *(f"Y_{letter}" for letter in case.letters)]
    float32, int32 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT32
    kinds = {name: int32 if name == "sequence_lens" else float32 for name in names}
    node = onnx.helper.make_node(case.kind.upper(), names, outputs, **attributes(case))
    values = [onnx.helper.make_tensor_value_info(name, kinds[name], None) for name in names]
    results = [onnx.helper.make_tensor_value_info(name, float32, None) for name in outputs]
    graph = onnx.helper.make_graph([node], "one", values, results)
    opsets = [onnx.helper.make_opsetid("", 22)]
    return onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10)


def run_nodes(case: Case, call: Any, numbers: Mapping[str, ndarray]) -> Record:
    """Node by node: `call` runs one on a dict of inputs."""
    y, finals = numbers["x"], []
    for k in range(case.layers):
        states = slice(k * case.directions, (k + 1) * case.directions)
        feed = {"X": y, "W": numbers[f"arrays/{k}/W"], "R": numbers[f"arrays/{k}/R"]}
        rows = feed["R"].shape[1]
        feed["B"] = numbers.get(f"arrays/{k}/B", np.zeros((case.directions, 2 * rows), y.dtype))
        feed |= {f"initial_{letter}": numbers[f"{letter}_0"][states] for letter in case.letters}
        y, *final = call(feed)
        y = np.concatenate([y[:, d] for d in range(case.directions)], axis=-1)
        finals.append(final)
    results = {"output": y}
    for place, letter in enumerate(case.letters):
        results[f"{letter}_n"] = np.concatenate([final[place] for final in finals])
    return results


def run(case: Case, rng: np.random.Generator) -> Record:
    numbers = draw(case, rng)
    for k in range(case.layers):
        rows, width = GATES[case.kind] * HIDDEN, INPUTS if k == 0 else case.directions * HIDDEN
        shapes = {"W": (rows, width), "R": (rows, HIDDEN)} | ({"B": (2 * rows,)} if case.bias else {})
        for name, shape in shapes.items():
            numbers[f"arrays/{k}/{name}"] = 0.5 * rng.normal(size=(case.directions, *shape))
    node = model(case)
    node.graph.node[0].input[4] = ""  # the evaluator ignores sequence_lens
    evaluator = ReferenceEvaluator(node)

    def call(feed: Record) -> list[ndarray]:
        return evaluator.run(None, feed)

    def loss(changed: Record) -> Any:
        results = run_nodes(case, call, changed)
        return sum((result * numbers[f"d_{name}"]).sum() for name, result in results.items())

    gradients = {}
    for name in list(numbers):
        if not name.startswith("d_"):
            gradients[f"d_{name}"] = np.zeros(numbers[name].shape)
            for place in np.ndindex(numbers[name].shape):
                moved = {key: array.astype(np.complex128) for key, array in numbers.items()}
                moved[name][place] += 1j * TINY
                gradients[f"d_{name}"][place] = loss(moved).imag / TINY
    return numbers | run_nodes(case, call, numbers) | gradients


def node_tests() -> dict[str, Record]:
    """ONNX's tests of the three operators: inputs and outputs by ONNX's names, the rest as JSON in bytes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tests of other operators overflow while they are collected
        tests = {test.name: test for test in collect_testcases(None)}
    records = {}
    for name, test in tests.items():
        node = test.model.graph.node[0]
        if len(test.model.graph.node) == 1 and node.op_type in ("RNN", "LSTM", "GRU"):
            given = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
            given = {
                key: value.decode() if isinstance(value, bytes) else value for key, value in given.items()
            }
            about = json.dumps({"kind": node.op_type.lower(), "attributes": given})
            record = {"about": np.frombuffer(about.encode(), np.uint8)}
            for what, names, arrays in zip(
                ("inputs", "outputs"), (node.input, node.output), test.data_sets[0], strict=True
            ):
                paths = [f"{what}/{each}" for each in names if each]
                record |= dict(zip(paths, map(np.asarray, arrays), strict=True))
            records[name] = record
    return records
