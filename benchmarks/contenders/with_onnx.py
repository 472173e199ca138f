"""ONNX's reference evaluator: NumPy, written to be clear, like numpy_bptt; forward only, padded only.

The only place here that knows ONNX's layout: W, R and B stack the gates in an order of their own, B holds
both biases, and a GRU that resets after the product must say so.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy import ndarray

from benchmarks.cases import Case
from benchmarks.contenders.contender import Contender, Outcome, Prepared
from benchmarks.data import make_data

GATES = {"rnn": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
"""ONNX's order (i o f c; z r h) in numbers of torch's (i f g o; r z n)."""


class OnnxReference(Contender):
    """onnx.reference.ReferenceEvaluator on a model of one node."""

    def absent(self, case: Case) -> str:
        """It has neither gradients nor lengths nor projections."""
        if find_spec("onnx") is None:
            return "onnx is not installed"
        if case.training or case.layout == "packed" or case.proj:
            return "the evaluator does padded inference only"
        return super().absent(case)

    def prepare(self, case: Case) -> Prepared:
        """One node, its weights among the inputs."""
        evaluator: Any = import_module("onnx.reference").ReferenceEvaluator(_model(case))
        data = make_data(case)
        weight_ih, weight_hh, *biases = (_regate(case, array) for array in data.params.values())
        feeds = {"X": data.x, "W": weight_ih[None], "R": weight_hh[None], "B": np.concatenate(biases)[None]}
        feeds |= {f"{letter}_0": array for letter, array in data.states.items()}

        def outcome(results: list[ndarray]) -> Outcome:
            output = results[0].reshape(-1, case.size.hidden)
            return {"output": output} | {f"{k}_n": s for k, s in zip(case.states, results[1:], strict=True)}

        return Prepared(lambda: evaluator.run(None, feeds), outcome)


def _regate(case: Case, array: ndarray) -> ndarray:
    gates = np.split(array, len(GATES[case.cell]))
    return np.concatenate([gates[gate] for gate in GATES[case.cell]])


def _model(case: Case) -> Any:
    onnx: Any = import_module("onnx")
    helper, kind = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(case.dtype))
    firsts, lasts = [f"{k}_0" for k in case.states], ["Y", *(f"{k}_n" for k in case.states)]
    options = {"linear_before_reset": 1} if case.cell == "gru" else {}
    inputs = ["X", "W", "R", "B"]
    node = helper.make_node(
        case.cell.upper(), [*inputs, "", *firsts], lasts, hidden_size=case.size.hidden, **options
    )
    graph = helper.make_graph(
        [node],
        case.cell,
        [helper.make_tensor_value_info(name, kind, None) for name in (*inputs, *firsts)],
        [helper.make_tensor_value_info(name, kind, None) for name in lasts],
    )
    return helper.make_model(graph)
