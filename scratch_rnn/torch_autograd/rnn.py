"""Elman RNN cell: one time step forward. Autograd differentiates it.

It is one step, not a layer: layer.py runs any cell over time. This is the smallest of the three cells;
read it first.

In torch.nn.RNNCell's convention (two biases; tanh or ReLU):

    (1)  a  = x W_ihᵀ + b_ih + h W_hhᵀ + b_hh
    (2)  h' = tanh(a)   or   h' = max(a, 0)

Sources: Elman 1990; the layout is torch.nn.RNN's documentation.

Axes (scratch_rnn/notation.py): N batch, I input, H hidden. Here G = P = H: one gate row per unit.
In code a prime is `_next`, and W_ih is `weight_ih`.
"""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, relu, tanh
from torch.nn.functional import linear


class Params(NamedTuple):
    """The weights. Without bias, the biases are None."""

    weight_ih: Float[Tensor, "H I"]
    weight_hh: Float[Tensor, "H H"]
    bias_ih: Float[Tensor, "H"] | None = None
    bias_hh: Float[Tensor, "H"] | None = None


class State(NamedTuple):
    """What one step passes to the next."""

    h: Float[Tensor, "N H"]


def step(x: Float[Tensor, "N I"], state: State, p: Params, nonlinearity: str = "tanh") -> State:
    """(x, h) -> h'. `nonlinearity` is "tanh" or "relu"."""
    (h,) = state
    a = linear(x, p.weight_ih, p.bias_ih) + linear(h, p.weight_hh, p.bias_hh)  # (1)
    h_next = tanh(a) if nonlinearity == "tanh" else relu(a)  # (2)
    return State(h_next)
