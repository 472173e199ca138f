"""ONNX's own tests of RNN, LSTM and GRU (onnx.backend.test.case.node), recorded: 18, of which 4 are refused.

They prove little. Nearly all have constant weights, so that every order of the gates passes; the tests of
this folder that show a wrong order are in test_recorded.py.
"""

import json
from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from numpy import ndarray

from scratch_rnn import numpy_bptt
from scratch_rnn.convert import onnx
from scratch_rnn.convert.onnx import Node, y_in, y_out
from scratch_rnn.parameters import sizes_of
from tests.convert.cases import Record, part, read

TESTS = cache(lambda: read("onnx_node_tests"))
REFUSED = ["test_gru_reverse", "test_lstm_reverse", "test_lstm_with_peepholes", "test_simple_rnn_reverse"]


def about(name: str) -> tuple[str, dict[str, Any]]:
    """(kind, attributes)."""
    told = json.loads(TESTS()[name]["about"].tobytes())
    return told["kind"], told["attributes"]


def node(name: str) -> Node:
    inputs = part(TESTS()[name], "inputs")
    given: dict[str, Any] = {letter: inputs[letter] for letter in "WRBP" if letter in inputs}
    return Node(**given, **about(name)[1])


def run(kind: str, named: Record, inputs: Record, layout: int) -> tuple[ndarray, tuple[ndarray, ...]]:
    """Y and the final states, as ONNX lays them out; the inputs are those of a test."""
    sizes = sizes_of(kind, named)
    given: dict[str, Any] = {"reset_after": False} if kind == "gru" else {}
    layer = getattr(numpy_bptt, kind.upper())(
        *sizes[1:4], bias=sizes.bias, bidirectional=sizes.bidirectional, dtype=np.float64, **given
    )
    layer.load_state_dict(named)
    x = inputs["X"].astype(np.float64)
    if (inputs.get("sequence_lens", np.array([])) != len(x)).any():
        raise AssertionError("no test has shorter sequences")
    output, state = layer(x.swapaxes(0, 1) if layout else x)
    states = state if kind == "lstm" else (state,)
    return y_out(output, sizes.directions, layout), tuple(s.swapaxes(0, 1) if layout else s for s in states)


def passes(name: str, named: Record) -> bool:
    """Within the bounds of ONNX's own runner: 1e-3 relative, 1e-7 absolute."""
    kind, attributes = about(name)
    y, states = run(kind, named, part(TESTS()[name], "inputs"), attributes.get("layout", 0))
    got = {"Y": y, "Y_h": states[0], "Y_c": states[-1]}
    outputs = part(TESTS()[name], "outputs")
    return all(
        got[n].shape == a.shape and np.allclose(got[n], a, rtol=1e-3, atol=1e-7) for n, a in outputs.items()
    )


def to_torch(name: str) -> Record:
    kind = about(name)[0]
    return onnx.to_torch(kind, [node(name)], linear_before_reset=0 if kind == "gru" else None)


def test_there_are_eighteen() -> None:
    assert len(TESTS()) == 18
    assert set(REFUSED) < set(TESTS())


@pytest.mark.parametrize("name", sorted(set(TESTS()) - set(REFUSED)))
def test_our_layers_pass(name: str) -> None:
    assert passes(name, to_torch(name))


@pytest.mark.parametrize("name", REFUSED)
def test_the_others_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"peephole|direction"):
        to_torch(name)


@pytest.mark.parametrize("name", [n for n in sorted(TESTS()) if "lstm" in n and n not in REFUSED])
def test_every_order_of_an_lstms_gates_passes(name: str) -> None:
    named = to_torch(name)
    for order in permutations(range(4)):
        shuffled = {n: np.concatenate([np.split(a, 4)[gate] for gate in order]) for n, a in named.items()}
        assert passes(name, shuffled)


def test_constant_weights() -> None:
    """In 16 of the 18 all rows of W are equal, and all rows of R: no gate differs from another."""
    arrays = {name: (node(name).W, node(name).R) for name in TESTS()}
    assert sum(not any(np.ptp(array, axis=1).any() for array in both) for both in arrays.values()) == 16


@pytest.mark.parametrize("layout", [0, 1])
def test_y_in_reverses_y_out(layout: int) -> None:
    output = np.random.default_rng(0).normal(size=(5, 3, 8))
    y = y_out(output, 2, layout)
    assert y.shape == ((3, 5, 2, 4) if layout else (5, 2, 3, 4))
    np.testing.assert_array_equal(y_in(y, layout), output)
    np.testing.assert_array_equal(y[0, 0] if not layout else y[:, 0, 0], output[0, :, :4])
