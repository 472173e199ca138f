"""Elman RNN cell, differentiated by hand: one time step forward, one time step backward.

It is not a layer: layer.py loops over time and sums the gradients, for all cells. It is the smallest of the
three cells; read it first.

In torch.nn.RNNCell's convention (two biases; tanh or ReLU):

    (1)  a  = x W_ihᵀ + b_ih + h W_hhᵀ + b_hh
    (2)  h' = tanh(a)   or   h' = max(a, 0)

Sources: Elman 1990; the layout is torch.nn.RNN's documentation.

Derivation: docs/derivations.md, section 4.1.

Axes (scratch_rnn/notation.py): N batch, I input, H hidden. Here G = P = H: one gate row per unit.
In code a prime is `_next`, W_ih is `weight_ih`, and `d_q` is ∂loss/∂q, always shaped like q.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from scratch_rnn.numpy_bptt.ops import linear, linear_backward, relu, relu_backward, tanh_backward


class Params(NamedTuple):
    """The weights, or the gradient with respect to them. Without bias, the biases are None."""

    weight_ih: Float[ndarray, "H I"]
    weight_hh: Float[ndarray, "H H"]
    bias_ih: Float[ndarray, "H"] | None = None
    bias_hh: Float[ndarray, "H"] | None = None


class State(NamedTuple):
    """What one step passes to the next, or the gradient with respect to it."""

    h: Float[ndarray, "N H"]


class Cache(NamedTuple):
    """The values of `step` that `step_backward` needs."""

    x: Float[ndarray, "N I"]
    h: Float[ndarray, "N H"]
    h_next: Float[ndarray, "N H"]
    nonlinearity: str


def step(
    x: Float[ndarray, "N I"], state: State, p: Params, nonlinearity: str = "tanh"
) -> tuple[State, Cache]:
    """(x, h) -> h', and the cache for the backward pass. `nonlinearity` is "tanh" or "relu"."""
    (h,) = state
    a = linear(x, p.weight_ih, p.bias_ih) + linear(h, p.weight_hh, p.bias_hh)  # (1)
    h_next = np.tanh(a) if nonlinearity == "tanh" else relu(a)  # (2)
    return State(h_next), Cache(x, h, h_next, nonlinearity)


def step_backward(
    d_state_next: State, cache: Cache, p: Params
) -> tuple[Float[ndarray, "N I"], State, Params]:
    """d_h' -> d_x, d_h and this step's share of d_params: the equations in reverse order."""
    x, h, h_next, nonlinearity = cache
    (d_h_next,) = d_state_next

    # (2)  tanh' = 1 - tanh²;  max(a, 0)' = 1 where a > 0.  Both follow from h' alone.
    backward = tanh_backward if nonlinearity == "tanh" else relu_backward
    d_a = backward(d_h_next, h_next)
    # (1)  a = x W_ihᵀ + b_ih + h W_hhᵀ + b_hh
    d_x, d_weight_ih, d_bias_ih = linear_backward(d_a, x, p.weight_ih, p.bias_ih)
    d_h, d_weight_hh, d_bias_hh = linear_backward(d_a, h, p.weight_hh, p.bias_hh)
    return d_x, State(d_h), Params(d_weight_ih, d_weight_hh, d_bias_ih, d_bias_hh)
