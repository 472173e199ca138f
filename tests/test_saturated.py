"""Errors relative to each tensor's largest entry, with saturated gates and tiny, huge or infinite values.

The oracle is torch.nn in float64, for float32 too. test_parity.py divides by max(1, |oracle|) and cannot see
a tensor whose entries are all small.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy import ndarray

from scratch_rnn import numpy_bptt, torch_autograd
from scratch_rnn.parity import contenders
from scratch_rnn.parity.cases import KINDS, Case, Data, make_data
from scratch_rnn.parity.contenders import CONTENDERS, oracle, run

each_contender = pytest.mark.parametrize(("tree", "engine"), CONTENDERS)
each_dtype = pytest.mark.parametrize(
    ("dtype", "bound", "bias"), [("float32", 1e-4, -20), ("float64", 1e-12, -40)]
)


def saturated(data: Data, bias: float) -> Data:
    """Every gate's pre-activation near `bias`: half of it in each of the two biases."""
    params = {n: (p + bias / 2).astype(p.dtype) if "bias" in n else 0.1 * p for n, p in data.params.items()}
    return data._replace(params=params)


def scaled(data: Data, factor: float) -> Data:
    """Inputs and states times a factor."""
    states = {name: (factor * s).astype(s.dtype) for name, s in data.states.items()}
    return data._replace(xs=[(factor * x).astype(x.dtype) for x in data.xs], states=states)


def relative(ours: ndarray, theirs: ndarray) -> float:
    return float(np.abs(ours.astype(np.float64) - theirs).max() / np.abs(theirs).max())


@each_contender
@each_dtype
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn_tanh"])
@pytest.mark.parametrize("what", ["saturated", "tiny", "huge"])
def test_every_tensor_relative_to_its_largest_entry(
    tree: str, engine: str, kind: str, dtype: str, bound: float, bias: float, what: str, monkeypatch: Any
) -> None:
    if what == "saturated" and kind == "rnn_tanh":
        bias = bias / 16  # beyond, the slope 1 - tanh² has few correct digits in any program

    def changed(case: Case) -> Data:
        data = make_data(replace(case, dtype=dtype))  # the same numbers for the oracle
        if what == "saturated":
            return saturated(data, bias)
        return scaled(data, 1e-6 if what == "tiny" else 3.0)

    monkeypatch.setattr(contenders, "make_data", changed)
    case = Case(kind, steps=4, layers=1, dtype=dtype)
    ours, theirs, own = run(tree, engine, case), oracle(case), oracle(case, dtype)
    for name, expected in theirs.items():
        allowed = bound + 3 * relative(own[name], expected)
        assert relative(ours[name], expected) <= allowed, name


@each_contender
@pytest.mark.parametrize(("dtype", "bound", "last"), [("float32", 1e-4, -87), ("float64", 1e-12, -700)])
def test_sigmoid_over_the_whole_normal_range(
    tree: str, engine: str, dtype: str, bound: float, last: float
) -> None:
    a = np.linspace(last, 40, 4001).astype(dtype)
    values = np.exp(a.astype(np.longdouble))
    exact = values / (1 + values)
    before: dict[str, Any] = {"reset_after": False}
    for kind, options in (("LSTM", {}), ("GRU", {}), ("GRU", before)):
        # c' = f c with c = 1 and g = 0; h' = z h with h = 1 and n = 0. One unit, one row per value of a.
        gates = 4 if kind == "LSTM" else 3
        weights = np.zeros((gates, 1))
        weights[1] = 1
        named = {"weight_ih_l0": weights, "weight_hh_l0": np.zeros((gates, 1))}
        if tree == "numpy":
            layer = getattr(numpy_bptt, kind)(1, 1, bias=False, dtype=dtype, engine=engine, **options)
            layer.load_state_dict(named)
            one, x = np.ones((1, len(a), 1), dtype), a[None, :, None]
            state = layer(x, (one, one) if kind == "LSTM" else one)[1]
            found = state[1] if kind == "LSTM" else state
        else:
            kwargs: Any = {"bias": False, "dtype": getattr(torch, dtype), "engine": engine, **options}
            layer = getattr(torch_autograd, kind)(1, 1, **kwargs)
            layer.load_state_dict({n: torch.tensor(w) for n, w in named.items()})
            ones = torch.ones(1, len(a), 1, dtype=kwargs["dtype"])
            state = layer(torch.tensor(a)[None, :, None], (ones, ones) if kind == "LSTM" else ones)[1]
            found = (state[1] if kind == "LSTM" else state).detach().numpy()
        assert np.abs(found.ravel() / exact - 1).max() <= bound


def infinite(data: Data, where: str) -> Data:
    """One infinity, in d_output, in the gradient of the last state, or in c_0; or NaN in d_output."""
    name, value = where.split(" ")
    if name == "d_output":
        data.d_outputs[0][1, 0, 2] = float(value)
    elif name == "d_state":
        data.d_states["h"][0, 0, 1] = float(value)
    else:
        data.states["c"][0, 0, 0] = float(value)
    return data


@each_contender
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("where", ["d_output inf", "d_output nan", "d_state -inf", "c inf", "c -inf"])
def test_finite_where_torch_nn_is_finite(
    tree: str, engine: str, kind: str, where: str, monkeypatch: Any
) -> None:
    if where[0] == "c" and kind != "lstm":
        pytest.skip("only an LSTM has a c")
    monkeypatch.setattr(contenders, "make_data", lambda case: infinite(make_data(case), where))
    with np.errstate(all="ignore"):
        ours, theirs = run(tree, engine, Case(kind)), oracle(Case(kind))
    for name, expected in theirs.items():
        assert np.isfinite(ours[name])[np.isfinite(expected)].all(), name


@each_contender
@pytest.mark.parametrize("kind", KINDS)
def test_1e30_in_float32_is_finite_where_torch_nn_is(
    tree: str, engine: str, kind: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr(contenders, "make_data", lambda case: scaled(make_data(case), 1e30))
    case = Case(kind, dtype="float32")
    with np.errstate(all="ignore"):
        ours, theirs = run(tree, engine, case), oracle(case, "float32")
    for name, expected in theirs.items():
        assert np.isfinite(ours[name])[np.isfinite(expected)].all(), name
