"""GRU cell: one time step forward. Autograd differentiates it.

It is one step, not a layer: layer.py runs any cell over time.

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

Axes (scratch_rnn/notation.py): N batch, I input, H hidden, G = 3H gate rows.
In code a prime is `_next`, and W_ih is `weight_ih`.
"""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, sigmoid, tanh
from torch.nn.functional import linear


class Params(NamedTuple):
    """The weights. Without bias, the biases are None."""

    weight_ih: Float[Tensor, "G I"]
    weight_hh: Float[Tensor, "G H"]
    bias_ih: Float[Tensor, "G"] | None = None
    bias_hh: Float[Tensor, "G"] | None = None


class State(NamedTuple):
    """What one step passes to the next."""

    h: Float[Tensor, "N H"]


def step(x: Float[Tensor, "N I"], state: State, p: Params) -> State:
    """(x, h) -> h'."""
    (h,) = state
    u, v = linear(x, p.weight_ih, p.bias_ih), linear(h, p.weight_hh, p.bias_hh)  # (1)
    (u_r, u_z, u_n), (v_r, v_z, v_n) = u.chunk(3, dim=1), v.chunk(3, dim=1)
    r, z = sigmoid(u_r + v_r), sigmoid(u_z + v_z)  # (2)
    n = tanh(u_n + r * v_n)  # (3)
    h_next = (1 - z) * n + z * h  # (4)
    return State(h_next)
