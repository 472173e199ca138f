"""LSTM cell, differentiated by hand: one time step forward, one time step backward.

It is not a layer: layer.py loops over time and sums the gradients, for all cells.

In torch.nn.LSTMCell's convention (gate order i, f, g, o; two biases):

    (1)  a  = x W_ihᵀ + b_ih + h W_hhᵀ + b_hh            a = [a_i | a_f | a_g | a_o]
    (2)  i  = σ(a_i),  f = σ(a_f),  g = tanh(a_g),  o = σ(a_o)
    (3)  c' = f ⊙ c + i ⊙ g
    (4)  m  = o ⊙ tanh(c')
    (5)  h' = m,   or   h' = m W_hrᵀ                     where h is projected

Sources: Hochreiter & Schmidhuber 1997, with the forget gate of Gers, Schmidhuber & Cummins 2000;
(5) is Sak, Senior & Beaufays 2014; the layout is torch.nn.LSTM's documentation.

Derivation: docs/derivations.md, section 4.2.

Axes (scratch_rnn/notation.py): N batch, I input, H hidden, P width of h (H unless projected), G = 4H.
In code a prime is `_next`, W_ih is `weight_ih`, and `d_q` is ∂loss/∂q, always shaped like q.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from scratch_rnn.numpy_bptt.ops import linear, linear_backward, sigmoid, sigmoid_backward, tanh_backward


class Params(NamedTuple):
    """The weights, or the gradient with respect to them. An absent bias or projection is None."""

    weight_ih: Float[ndarray, "G I"]
    weight_hh: Float[ndarray, "G P"]
    bias_ih: Float[ndarray, "G"] | None = None
    bias_hh: Float[ndarray, "G"] | None = None
    weight_hr: Float[ndarray, "P H"] | None = None


class State(NamedTuple):
    """What one step passes to the next, or the gradient with respect to it."""

    h: Float[ndarray, "N P"]
    c: Float[ndarray, "N H"]


class Cache(NamedTuple):
    """The values of `step` that `step_backward` needs."""

    x: Float[ndarray, "N I"]
    h: Float[ndarray, "N P"]
    c: Float[ndarray, "N H"]
    i: Float[ndarray, "N H"]
    f: Float[ndarray, "N H"]
    g: Float[ndarray, "N H"]
    o: Float[ndarray, "N H"]
    tanh_c_next: Float[ndarray, "N H"]


def step(x: Float[ndarray, "N I"], state: State, p: Params) -> tuple[State, Cache]:
    """(x, (h, c)) -> (h', c'), and the cache for the backward pass."""
    h, c = state
    a = linear(x, p.weight_ih, p.bias_ih) + linear(h, p.weight_hh, p.bias_hh)  # (1)
    a_i, a_f, a_g, a_o = np.split(a, 4, axis=1)
    i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)  # (2)
    c_next = f * c + i * g  # (3)
    tanh_c_next = np.tanh(c_next)
    m = o * tanh_c_next  # (4)
    h_next = m if p.weight_hr is None else linear(m, p.weight_hr, None)  # (5)
    return State(h_next, c_next), Cache(x, h, c, i, f, g, o, tanh_c_next)


def step_backward(
    d_state_next: State, cache: Cache, p: Params
) -> tuple[Float[ndarray, "N I"], State, Params]:
    """(d_h', d_c') -> d_x, (d_h, d_c) and this step's share of d_params: the equations in reverse order."""
    x, h, c, i, f, g, o, tanh_c_next = cache
    d_h_next, d_c_next = d_state_next

    # (5)  h' = m,   or   h' = m W_hrᵀ
    d_m, d_weight_hr = d_h_next, None
    if p.weight_hr is not None:
        d_m, d_weight_hr, _ = linear_backward(d_h_next, o * tanh_c_next, p.weight_hr, None)
    # (4)  m = o ⊙ tanh(c').  Step t+1 reads c' too: its share is already in d_c_next.
    d_o = d_m * tanh_c_next
    d_c_next = d_c_next + tanh_backward(d_m * o, tanh_c_next)
    # (3)  c' = f ⊙ c + i ⊙ g
    d_f, d_c = d_c_next * c, d_c_next * f
    d_i, d_g = d_c_next * g, d_c_next * i
    # (2)  σ' = σ (1 - σ),  tanh' = 1 - tanh²
    d_a_i, d_a_f = sigmoid_backward(d_i, i), sigmoid_backward(d_f, f)
    d_a_g, d_a_o = tanh_backward(d_g, g), sigmoid_backward(d_o, o)
    d_a = np.concatenate([d_a_i, d_a_f, d_a_g, d_a_o], axis=1)
    # (1)  a = x W_ihᵀ + b_ih + h W_hhᵀ + b_hh
    d_x, d_weight_ih, d_bias_ih = linear_backward(d_a, x, p.weight_ih, p.bias_ih)
    d_h, d_weight_hh, d_bias_hh = linear_backward(d_a, h, p.weight_hh, p.bias_hh)
    return d_x, State(d_h, d_c), Params(d_weight_ih, d_weight_hh, d_bias_ih, d_bias_hh, d_weight_hr)
