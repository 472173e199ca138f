"""GRU cell whose reset gate acts before the matrix product, differentiated by hand: `GRU(reset_after=False)`.

It is not a layer: layer.py loops over time and sums the gradients, for all cells. Read gru.py first: the
gates, their order and the names of the weights are the same. torch.nn has no such GRU.

    (1)  u  = x W_ihᵀ + b_ih + b_hh,   v = h W_rzᵀ       u = [ u_r | u_z | u_n ],   v = [ v_r | v_z ]
    (2)  r  = σ(u_r + v_r),  z = σ(u_z + v_z)
    (3)  n  = tanh(u_n + (r ⊙ h) W_hnᵀ)
    (4)  h' = (1 - z) ⊙ n + z ⊙ h

W_hh is two blocks here, W_rz with 2H rows and W_hn with H: the product in (3) has to wait for r, so a step
needs two products in sequence, where gru.py needs one. In exchange r selects which parts of h the candidate n
uses. The two biases are only added: their gradients are equal, as in the RNN and the LSTM.

Sources: Cho et al. 2014 (z weights the old state there too). It is the GRU of Keras with reset_after=False
and of ONNX with linear_before_reset=0, its default. The layout of the weights is torch.nn.GRU's.

Derivation: docs/derivations.md, section 4.4.

Axes (scratch_rnn/notation.py): N batch, I input, H hidden, G = 3H gate rows.
In code a prime is `_next`, W_ih is `weight_ih`, and `d_q` is ∂loss/∂q, always shaped like q.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from scratch_rnn.numpy_bptt.ops import linear, linear_backward, sigmoid, sigmoid_backward, tanh_backward


class Params(NamedTuple):
    """The weights, or the gradient with respect to them. Without bias, the biases are None."""

    weight_ih: Float[ndarray, "G I"]
    weight_hh: Float[ndarray, "G H"]
    bias_ih: Float[ndarray, "G"] | None = None
    bias_hh: Float[ndarray, "G"] | None = None


class State(NamedTuple):
    """What one step passes to the next, or the gradient with respect to it."""

    h: Float[ndarray, "N H"]


class Cache(NamedTuple):
    """The values of `step` that `step_backward` needs."""

    x: Float[ndarray, "N I"]
    h: Float[ndarray, "N H"]
    r: Float[ndarray, "N H"]
    z: Float[ndarray, "N H"]
    n: Float[ndarray, "N H"]


def step(x: Float[ndarray, "N I"], state: State, p: Params) -> tuple[State, Cache]:
    """(x, h) -> h', and the cache for the backward pass."""
    (h,) = state
    hidden, b_hh = h.shape[1], 0 if p.bias_hh is None else p.bias_hh
    weight_rz, weight_n = p.weight_hh[: 2 * hidden], p.weight_hh[2 * hidden :]
    u, v = linear(x, p.weight_ih, p.bias_ih) + b_hh, linear(h, weight_rz, None)  # (1)
    (u_r, u_z, u_n), (v_r, v_z) = np.split(u, 3, axis=1), np.split(v, 2, axis=1)
    r, z = sigmoid(u_r + v_r), sigmoid(u_z + v_z)  # (2)
    n = np.tanh(u_n + linear(r * h, weight_n, None))  # (3)
    h_next = (1 - z) * n + z * h  # (4)
    return State(h_next), Cache(x, h, r, z, n)


def step_backward(
    d_state_next: State, cache: Cache, p: Params
) -> tuple[Float[ndarray, "N I"], State, Params]:
    """d_h' -> d_x, d_h and this step's share of d_params: the equations in reverse order."""
    x, h, r, z, n = cache
    (d_h_next,) = d_state_next
    hidden = h.shape[1]
    weight_rz, weight_n = p.weight_hh[: 2 * hidden], p.weight_hh[2 * hidden :]

    # (4)  h' = (1 - z) ⊙ n + z ⊙ h.  h is used here, in (3) and in (1): d_h is the sum of three shares.
    d_n, d_z = d_h_next * (1 - z), d_h_next * (h - n)
    d_h_4 = d_h_next * z
    # (3)  n = tanh(a_n),  a_n = u_n + (r ⊙ h) W_hnᵀ
    d_a_n = tanh_backward(d_n, n)
    d_rh, d_weight_n, _ = linear_backward(d_a_n, r * h, weight_n, None)
    d_r, d_h_3 = d_rh * h, d_rh * r
    # (2)  σ' = σ (1 - σ);  both summands of u_r + v_r and of u_z + v_z have the gradient of the sum
    d_a_r, d_a_z = sigmoid_backward(d_r, r), sigmoid_backward(d_z, z)
    # (1)  u = x W_ihᵀ + b_ih + b_hh,   v = h W_rzᵀ
    d_v = np.concatenate([d_a_r, d_a_z], axis=1)
    d_u = np.concatenate([d_v, d_a_n], axis=1)
    d_x, d_weight_ih, d_bias_ih = linear_backward(d_u, x, p.weight_ih, p.bias_ih)
    d_h_1, d_weight_rz, _ = linear_backward(d_v, h, weight_rz, None)
    d_bias_hh = None if p.bias_hh is None else d_u.sum(axis=0)
    d_h = d_h_1 + d_h_3 + d_h_4
    d_weight_hh = np.concatenate([d_weight_rz, d_weight_n])
    return d_x, State(d_h), Params(d_weight_ih, d_weight_hh, d_bias_ih, d_bias_hh)
