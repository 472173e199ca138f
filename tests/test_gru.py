"""The GRU cell, one step: both trees against torch.nn; and what its reset gate and its two biases act on."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratch_rnn.notation import GATES
from scratch_rnn.numpy_bptt import gru
from scratch_rnn.parity.contenders import run
from tests.cases import ONE_STEP, layer_cases
from tests.parity import assert_parity


@pytest.mark.parametrize("tree", ["numpy", "torch"])
@given(data=st.data())
def test_step_is_torchs(tree: str, data: Any) -> None:
    assert_parity(tree, "steps", data.draw(layer_cases("gru", **ONE_STEP)))


@given(data=st.data())
def test_the_two_biases_differ_in_the_n_block_only(data: Any) -> None:
    case = data.draw(layer_cases("gru", **ONE_STEP, bias=True, rows=4, inputs=3, hidden=6))
    ours = run("numpy", "steps", case)
    d_ih, d_hh = (np.split(ours[f"d_bias_{name}_l0"], 3) for name in ("ih", "hh"))
    np.testing.assert_array_equal(d_ih[:2], d_hh[:2])
    assert np.all(d_ih[2] != d_hh[2])


@pytest.mark.parametrize(
    ("open_gates", "h_next"),
    [
        ("z", 0.5),  # z keeps the old state
        ("rz", 0.5),
        ("r", np.tanh(2 + 0.25 * 0.5 + 1)),  # r lets W_hn h and b_hn through
        ("", np.tanh(2.0)),  # shut, it stops both, and b_in still counts
    ],
)
def test_gates_are_stacked_r_z_n_and_r_scales_b_hn(open_gates: str, h_next: float) -> None:
    sigmoids = [1e3 if gate in open_gates else -1e3 for gate in GATES["gru"][:2]]
    weight_hh = np.array([[0.0], [0.0], [0.25]])
    p = gru.Params(np.zeros((3, 1)), weight_hh, np.array([*sigmoids, 2.0]), np.array([0.0, 0.0, 1.0]))
    state, _ = gru.step(np.ones((1, 1)), gru.State(np.full((1, 1), 0.5)), p)
    assert state.h.item() == h_next
