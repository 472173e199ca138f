"""GRU(reset_after=False): both trees and engines against an independent layer, and against the other GRU.

tests/convert compares it with Keras and ONNX, complex_step.py with derivatives that need no torch.
"""

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scratch_rnn import numpy_bptt, torch_autograd
from scratch_rnn.numpy_bptt import gru, gru_reset_before
from scratch_rnn.numpy_bptt.ops import sigmoid
from scratch_rnn.parity.cases import Case, make_data
from scratch_rnn.parity.contenders import CONTENDERS, Result, run_numpy, run_torch
from tests import reset_before
from tests.cases import LAYOUTS, layer_cases
from tests.parity import assert_all_close, assert_close
from tests.profiles import at_least

TORCH = SimpleNamespace(**{**vars(torch_autograd), "GRU": partial(torch_autograd.GRU, reset_after=False)})

CORNERS = {
    "no rows": Case("gru", rows=0, bidirectional=True),
    "one of everything": Case("gru", steps=1, rows=1, inputs=1, hidden=1),
    "waiting rows": Case("gru", layers=2, bidirectional=True, lengths=(2, 5, 1), calls=2),
    "one packed row": Case("gru", rows=1, bidirectional=True, lengths=(4,), enforce_sorted=True),
}


def run(tree: str, engine: str, case: Case) -> Result:
    if tree == "numpy":
        return run_numpy(case, engine, reset_after=False)
    return run_torch(case, TORCH, not case.state, case.memory, "float64", engine=engine)


def assert_parity(tree: str, engine: str, case: Case) -> None:
    expected = run_torch(case, reset_before, False, "contiguous", "float64")
    ours = run(tree, engine, case)
    assert_all_close(ours, {name: value for name, value in expected.items() if name in ours})
    assert set(expected) - set(ours) <= (set() if tree == "numpy" or case.state else {"d_h0"})


@pytest.mark.parametrize(("tree", "engine"), CONTENDERS)
@pytest.mark.parametrize("layout", LAYOUTS)
@at_least(40)
@given(data=st.data())
def test_any_case(tree: str, engine: str, layout: str, data: Any) -> None:
    some_rows = layer_cases("gru", layout, dropout=0.0).filter(lambda case: case.rows != 0)
    assert_parity(tree, engine, data.draw(some_rows))


@pytest.mark.parametrize(("tree", "engine"), CONTENDERS)
@pytest.mark.parametrize("case", CORNERS.values(), ids=list(CORNERS))
def test_corners(tree: str, engine: str, case: Case) -> None:
    if case.rows == 0:
        assert run(tree, engine, case)["output0"].shape == (5, 0, 12)
    else:
        assert_parity(tree, engine, case)


@pytest.mark.parametrize(("tree", "engine"), CONTENDERS)
def test_the_two_biases_have_the_same_gradient(tree: str, engine: str) -> None:
    ours = run(tree, engine, Case("gru", bidirectional=True))
    for suffix in ("l0", "l0_reverse"):
        np.testing.assert_array_equal(ours[f"d_bias_ih_{suffix}"], ours[f"d_bias_hh_{suffix}"])
    assert not np.shares_memory(ours["d_bias_ih_l0"], ours["d_bias_hh_l0"])


def test_r_scales_h_before_the_product_and_no_bias() -> None:
    weight_hh, h = np.zeros((6, 2)), np.array([[0.5, -0.25]])
    weight_hh[4:] = [[1.0, 2.0], [3.0, -1.0]]
    b_r = np.array([2.0, -1e3])  # r is about .88 for the first unit, and 0 for the second
    bias_ih, bias_hh = np.zeros(6), np.concatenate([b_r, [-1e3, -1e3], [0.25, 0.5]])
    arrays = np.zeros((6, 1)), weight_hh, bias_ih, bias_hh
    x, r = np.ones((1, 1)), sigmoid(b_r)
    before, _ = gru_reset_before.step(x, gru_reset_before.State(h), gru_reset_before.Params(*arrays))
    after, _ = gru.step(x, gru.State(h), gru.Params(*arrays))
    np.testing.assert_allclose(before.h, np.tanh((r * h) @ weight_hh[4:].T + [0.25, 0.5]), rtol=1e-15)
    np.testing.assert_allclose(after.h, np.tanh(r * (h @ weight_hh[4:].T + [0.25, 0.5])), rtol=1e-15)


@pytest.mark.parametrize("engine", ["steps", "fused"])
def test_cells_are_layers_of_one_step(engine: str) -> None:
    case = Case("gru", steps=1)
    data, expected = make_data(case), run("torch", engine, case)
    named = {name.removesuffix("_l0"): value for name, value in data.params.items()}
    x, h, d_h = data.xs[0][0], data.states["h"][0], data.d_states["h"][0] + data.d_outputs[0][0]
    cell = numpy_bptt.GRUCell(4, 6, reset_after=False, dtype=np.float64)
    cell.load_state_dict(named)
    h_next, tape = cell.forward(x, h)
    d_x, d_h0, grads = cell.backward(tape, d_h)
    theirs = torch_autograd.GRUCell(4, 6, reset_after=False, dtype=torch.float64, engine=engine)
    theirs.load_state_dict({name: torch.tensor(value) for name, value in named.items()})
    leaves = [torch.tensor(x, requires_grad=True), torch.tensor(h, requires_grad=True)]
    out = theirs(*leaves)
    found = torch.autograd.grad(out, [*leaves, *theirs.parameters()], torch.tensor(d_h))
    names = ["h_n", "d_x0", "d_h0", *(f"d_{name}_l0" for name in named)]
    for name, ours, twin in zip(
        names, [h_next, d_x, d_h0, *grads.values()], [out.detach(), *found], strict=True
    ):
        oracle = expected[name] if "_l0" in name else expected[name][0]
        assert_close(name, ours, oracle)
        assert_close(name, np.asarray(twin), oracle)


@pytest.mark.parametrize("tree", [numpy_bptt, torch_autograd])
@pytest.mark.parametrize("name", ["GRU", "GRUCell"])
def test_the_argument_is_shown_and_checked(tree: Any, name: str) -> None:
    made = getattr(tree, name)
    assert repr(made(2, 3, bias=False, reset_after=False)) == f"{name}(2, 3, bias=False, reset_after=False)"
    assert repr(made(2, 3, reset_after=True)) == f"{name}(2, 3)"
    assert made(2, 3).reset_after is True
    assert made(2, 3, reset_after=False).reset_after is False
    with pytest.raises(TypeError, match=f"{name}: expected reset_after to be True or False, got 1"):
        made(2, 3, reset_after=1)


def test_a_tape_of_the_other_gru_is_refused() -> None:
    x = np.ones((2, 1, 2))
    for one in (True, False):
        kinds: list[tuple[Any, Any]] = [(numpy_bptt.GRU, x), (numpy_bptt.GRUCell, x[0])]
        for kind, batch in kinds:
            *_, tape = kind(2, 3, dtype=np.float64, reset_after=one).forward(batch)
            with pytest.raises(ValueError, match="a tape of"):
                kind(2, 3, dtype=np.float64, reset_after=not one).backward(tape, None)


def test_from_state_dict_takes_the_argument() -> None:
    made = numpy_bptt.GRU(2, 3, 2, bidirectional=True, reset_after=False, rng=0)
    x = np.random.default_rng(1).normal(size=(4, 2, 2)).astype(np.float32)
    again = numpy_bptt.GRU.from_state_dict(made.state_dict(), reset_after=False)
    np.testing.assert_array_equal(again(x)[0], made(x)[0])
    assert np.abs(numpy_bptt.GRU.from_state_dict(made.state_dict())(x)[0] - made(x)[0]).max() > 1e-3
