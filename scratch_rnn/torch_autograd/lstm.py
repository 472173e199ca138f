"""LSTM cell: one time step forward. Autograd differentiates it.

It is one step, not a layer: layer.py runs any cell over time.

In torch.nn.LSTMCell's convention (gate order i, f, g, o; two biases):

    (1)  a  = x W_ihᵀ + b_ih + h W_hhᵀ + b_hh            a = [a_i | a_f | a_g | a_o]
    (2)  i  = σ(a_i),  f = σ(a_f),  g = tanh(a_g),  o = σ(a_o)
    (3)  c' = f ⊙ c + i ⊙ g
    (4)  m  = o ⊙ tanh(c')
    (5)  h' = m,   or   h' = m W_hrᵀ                     where h is projected

Sources: Hochreiter & Schmidhuber 1997, with the forget gate of Gers, Schmidhuber & Cummins 2000;
(5) is Sak, Senior & Beaufays 2014; the layout is torch.nn.LSTM's documentation.

Axes (scratch_rnn/notation.py): N batch, I input, H hidden, P width of h (H unless projected), G = 4H.
In code a prime is `_next`, and W_ih is `weight_ih`.
"""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, sigmoid, tanh
from torch.nn.functional import linear


class Params(NamedTuple):
    """The weights. An absent bias or projection is None."""

    weight_ih: Float[Tensor, "G I"]
    weight_hh: Float[Tensor, "G P"]
    bias_ih: Float[Tensor, "G"] | None = None
    bias_hh: Float[Tensor, "G"] | None = None
    weight_hr: Float[Tensor, "P H"] | None = None


class State(NamedTuple):
    """What one step passes to the next."""

    h: Float[Tensor, "N P"]
    c: Float[Tensor, "N H"]


def step(x: Float[Tensor, "N I"], state: State, p: Params) -> State:
    """(x, (h, c)) -> (h', c')."""
    h, c = state
    a = linear(x, p.weight_ih, p.bias_ih) + linear(h, p.weight_hh, p.bias_hh)  # (1)
    a_i, a_f, a_g, a_o = a.chunk(4, dim=1)
    i, f, g, o = sigmoid(a_i), sigmoid(a_f), tanh(a_g), sigmoid(a_o)  # (2)
    c_next = f * c + i * g  # (3)
    tanh_c_next = tanh(c_next)
    m = o * tanh_c_next  # (4)
    h_next = m if p.weight_hr is None else linear(m, p.weight_hr, None)  # (5)
    return State(h_next, c_next)
