"""A record's weights in our NumPy layers: what they compute, compared with what the framework computed."""

import importlib
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy import ndarray

from scratch_rnn import numpy_bptt
from scratch_rnn.convert.onnx import Node
from scratch_rnn.parameters import sizes_of
from tests.convert import cases
from tests.convert.cases import Case, Record, error, flat, part

RECORDS = cache(cases.read)


def converter(case: Case) -> Any:
    return importlib.import_module(f"scratch_rnn.convert.{case.framework.removesuffix('runtime')}")


def options(case: Case, *without: str) -> dict[str, Any]:
    """The converter's keywords."""
    return {key: value for key, value in case.options if key not in without}


def nested(case: Case, arrays: Mapping[str, ndarray]) -> Any:
    """Flat arrays as the converter takes them."""
    groups: dict[str, Record] = {}
    for path, array in arrays.items():
        first, _, rest = path.partition("/")
        groups.setdefault(first, {})[rest] = array
    if case.framework == "keras":
        return [list(layer.values()) for layer in groups.values()]
    if case.framework.startswith("onnx"):
        given = options(case, "nonlinearity")
        given["direction"] = "bidirectional" if case.directions == 2 else "forward"
        if options(case).get("nonlinearity") == "relu":
            given["activations"] = ["relu"] * case.directions
        return [Node(**given | layer) for layer in groups.values()]
    return groups


def flattened(case: Case, arrays: Any) -> Record:
    """The reverse of `nested`."""
    if case.framework.startswith("onnx"):
        layers = [dict(zip("WRB", node[:3], strict=True)) for node in arrays]
        arrays = [{name: a for name, a in layer.items() if a is not None} for layer in layers]
    return {path.removeprefix("arrays/"): array for path, array in flat("arrays", arrays).items()}


def to_torch(case: Case, record: Record) -> Record:
    return converter(case).to_torch(case.kind, nested(case, part(record, "arrays")), **options(case))


def compute(case: Case, named: Record, record: Record) -> Record:
    """Outputs, final states and all gradients of our layer; those of the weights by torch's names."""
    sizes, dtype = sizes_of(case.kind, named), record["x"].dtype
    given = {"reset_after": False} if resets_before(case) else {}
    if "nonlinearity" in options(case):
        given["nonlinearity"] = options(case)["nonlinearity"]
    layer = getattr(numpy_bptt, case.kind.upper())(
        *sizes[1:4], bias=sizes.bias, bidirectional=sizes.bidirectional, dtype=dtype, **given
    )
    layer.load_state_dict(named)

    def packed(array: ndarray) -> Any:
        if case.lengths is None:
            return array
        return numpy_bptt.pack_padded_sequence(array, np.array(case.lengths), enforce_sorted=False)

    def padded(array: Any) -> ndarray:
        if case.lengths is None:
            return array
        return numpy_bptt.pad_packed_sequence(array, total_length=cases.STEPS)[0]

    def joined(arrays: list[ndarray]) -> Any:
        return tuple(arrays) if len(arrays) == 2 else arrays[0]

    state = joined([record[f"{letter}_0"] for letter in case.letters])
    d_state_n = joined([record[f"d_{letter}_n"] for letter in case.letters])
    output, state_n, tape = layer.forward(packed(record["x"]), state)
    d_x, d_state, grads = layer.backward(tape, packed(record["d_output"]), d_state_n)
    results = {"output": padded(output), "d_x": padded(d_x)} | flat("d_named", grads)
    for place, letter in enumerate(case.letters):
        lstm = len(case.letters) == 2
        results[f"{letter}_n"] = state_n[place] if lstm else state_n
        results[f"d_{letter}_0"] = d_state[place] if lstm else d_state
    return results


def resets_before(case: Case) -> bool:
    """Whether this is a GRU with the reset gate before the product."""
    return any(key in ("reset_after", "linear_before_reset") and not value for key, value in case.options)


def backward(case: Case, results: Record) -> Record:
    """The gradients of the framework's arrays, flat."""
    given = options(case, "nonlinearity")
    d_named = part(results, "d_named")
    d_arrays = converter(case).to_torch_backward(case.kind, d_named, **given)
    return {f"d_arrays/{path}": array for path, array in flattened(case, d_arrays).items()}


def forward_error(case: Case, named: Record, record: Record) -> float:
    """The largest error of the output and the final states."""
    results = compute(case, named, record)
    return max(error(results[name], record[name]) for name in results if name in ("output", "h_n", "c_n"))
