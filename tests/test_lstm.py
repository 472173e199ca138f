"""The LSTM cell, one step: both trees against torch.nn, projected or not; and what each gate does."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratch_rnn.notation import GATES
from scratch_rnn.numpy_bptt import lstm
from scratch_rnn.parity.contenders import run
from tests.cases import ONE_STEP, layer_cases
from tests.parity import assert_parity


@pytest.mark.parametrize("tree", ["numpy", "torch"])
@given(data=st.data())
def test_step_is_torchs(tree: str, data: Any) -> None:
    assert_parity(tree, "steps", data.draw(layer_cases("lstm", **ONE_STEP)))


@given(data=st.data())
def test_both_biases_have_one_gradient(data: Any) -> None:
    ours = run("numpy", "steps", data.draw(layer_cases("lstm", **ONE_STEP, bias=True)))
    np.testing.assert_array_equal(ours["d_bias_ih_l0"], ours["d_bias_hh_l0"])


@pytest.mark.parametrize(
    ("open_gates", "c_next", "h_next"),
    [
        ("f", 0.3, 0.0),  # keeps the cell, shows nothing
        ("fo", 0.3, np.tanh(0.3)),  # keeps the cell, shows it
        ("ig", 1.0, 0.0),  # forgets it, lets 1 in
        ("g", 0.0, 0.0),  # 1 is offered, and not let in
        ("ifg", 1.3, 0.0),
        ("ifgo", 1.3, np.tanh(1.3)),
    ],
)
def test_gates_are_stacked_i_f_g_o(open_gates: str, c_next: float, h_next: float) -> None:
    shut = {"g": 0.0}  # tanh(0) = 0; a sigmoid is shut by a large negative number
    bias = np.array([1e3 if gate in open_gates else shut.get(gate, -1e3) for gate in GATES["lstm"]])
    p = lstm.Params(np.zeros((4, 1)), np.zeros((4, 1)), bias, np.zeros(4))
    state, _ = lstm.step(np.ones((1, 1)), lstm.State(np.ones((1, 1)), np.full((1, 1), 0.3)), p)
    assert (state.c.item(), state.h.item()) == (c_next, h_next)
