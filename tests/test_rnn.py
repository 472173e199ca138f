"""The Elman cell, one step: both trees against torch.nn, forward and backward; and what ReLU does at zero."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratch_rnn.numpy_bptt import rnn
from scratch_rnn.parity.contenders import run
from tests.cases import ONE_STEP, layer_cases
from tests.parity import assert_parity


@pytest.mark.parametrize("tree", ["numpy", "torch"])
@pytest.mark.parametrize("kind", ["rnn_tanh", "rnn_relu"])
@given(data=st.data())
def test_step_is_torchs(tree: str, kind: str, data: Any) -> None:
    assert_parity(tree, "steps", data.draw(layer_cases(kind, **ONE_STEP)))


@given(data=st.data())
def test_both_biases_have_one_gradient(data: Any) -> None:
    ours = run("numpy", "steps", data.draw(layer_cases("rnn_tanh", **ONE_STEP, bias=True)))
    np.testing.assert_array_equal(ours["d_bias_ih_l0"], ours["d_bias_hh_l0"])


def test_relu_passes_no_gradient_at_zero_or_below() -> None:
    p = rnn.Params(np.array([[1.0], [-1.0], [0.0]]), np.zeros((3, 3)))
    state, cache = rnn.step(np.array([[2.0]]), rnn.State(np.zeros((1, 3))), p, "relu")
    assert state.h.tolist() == [[2.0, 0.0, 0.0]]
    d_x, _, d_p = rnn.step_backward(rnn.State(np.ones((1, 3))), cache, p)
    assert d_x.tolist() == [[1.0]]
    assert d_p.weight_ih.tolist() == [[2.0], [0.0], [0.0]]
