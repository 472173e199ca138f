"""GRU cell, differentiated by hand: one time step forward, one time step backward.

It is not a layer: layer.py loops over time and sums the gradients, for all cells.

In torch.nn.GRUCell's convention (gate order r, z, n; two biases; the reset gate acts after the
matrix product):

    (1)  u  = x W_ihᵀ + b_ih,   v = h W_hhᵀ + b_hh       u, v = [ _r | _z | _n ]
    (2)  r  = σ(u_r + v_r),  z = σ(u_z + v_z)
    (3)  n  = tanh(u_n + r ⊙ v_n)                        v_n includes b_hn: r scales it too
    (4)  h' = (1 - z) ⊙ n + z ⊙ h

In (3) r multiplies v_n and not u_n, so b_ih and b_hh are two different biases here: their gradients differ
in the n block. (In the RNN and the LSTM they are equal.)

Sources: Cho et al. 2014, where the reset gate acts before the product; the layout, and reset after it, are
from torch.nn.GRU's documentation. As in Cho et al., z weights the old state (in Chung et al. 2014, the new).

Derivation: docs/derivations.md, section 4.3.

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
    v_n: Float[ndarray, "N H"]


def step(x: Float[ndarray, "N I"], state: State, p: Params) -> tuple[State, Cache]:
    """(x, h) -> h', and the cache for the backward pass."""
    (h,) = state
    u, v = linear(x, p.weight_ih, p.bias_ih), linear(h, p.weight_hh, p.bias_hh)  # (1)
    (u_r, u_z, u_n), (v_r, v_z, v_n) = np.split(u, 3, axis=1), np.split(v, 3, axis=1)
    r, z = sigmoid(u_r + v_r), sigmoid(u_z + v_z)  # (2)
    n = np.tanh(u_n + r * v_n)  # (3)
    h_next = (1 - z) * n + z * h  # (4)
    return State(h_next), Cache(x, h, r, z, n, v_n)


def step_backward(
    d_state_next: State, cache: Cache, p: Params
) -> tuple[Float[ndarray, "N I"], State, Params]:
    """d_h' -> d_x, d_h and this step's share of d_params: the equations in reverse order."""
    x, h, r, z, n, v_n = cache
    (d_h_next,) = d_state_next

    # (4)  h' = (1 - z) ⊙ n + z ⊙ h.  h is used here and in (1): its gradient is the sum of two shares.
    d_n, d_z = d_h_next * (1 - z), d_h_next * (h - n)
    d_h_4 = d_h_next * z
    # (3)  n = tanh(a_n),  a_n = u_n + r ⊙ v_n
    d_a_n = tanh_backward(d_n, n)
    d_r, d_v_n = d_a_n * v_n, d_a_n * r
    # (2)  σ' = σ (1 - σ);  both summands of u_r + v_r and of u_z + v_z have the gradient of the sum
    d_a_r, d_a_z = sigmoid_backward(d_r, r), sigmoid_backward(d_z, z)
    # (1)  u = x W_ihᵀ + b_ih,   v = h W_hhᵀ + b_hh
    d_u = np.concatenate([d_a_r, d_a_z, d_a_n], axis=1)
    d_v = np.concatenate([d_a_r, d_a_z, d_v_n], axis=1)
    d_x, d_weight_ih, d_bias_ih = linear_backward(d_u, x, p.weight_ih, p.bias_ih)
    d_h_1, d_weight_hh, d_bias_hh = linear_backward(d_v, h, p.weight_hh, p.bias_hh)
    d_h = d_h_1 + d_h_4
    return d_x, State(d_h), Params(d_weight_ih, d_weight_hh, d_bias_ih, d_bias_hh)
