"""GRU cell whose reset gate acts before the matrix product: `GRU(reset_after=False)`. Autograd
differentiates it.

It is one step, not a layer: layer.py runs any cell over time. Read gru.py first: the gates, their order and
the names of the weights are the same. torch.nn has no such GRU.

    (1)  u  = x W_ihᵀ + b_ih + b_hh,   v = h W_rzᵀ       u = [ u_r | u_z | u_n ],   v = [ v_r | v_z ]
    (2)  r  = σ(u_r + v_r),  z = σ(u_z + v_z)
    (3)  n  = tanh(u_n + (r ⊙ h) W_hnᵀ)
    (4)  h' = (1 - z) ⊙ n + z ⊙ h

W_hh is two blocks here, W_rz with 2H rows and W_hn with H: the product in (3) has to wait for r, so a step
needs two products in sequence, where gru.py needs one. In exchange r selects which parts of h the candidate n
uses. The two biases are only added: their gradients are equal, as in the RNN and the LSTM.

Sources: Cho et al. 2014 (z weights the old state there too). It is the GRU of Keras with reset_after=False
and of ONNX with linear_before_reset=0, its default. The layout of the weights is torch.nn.GRU's.

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
    hidden, b_hh = h.shape[1], 0 if p.bias_hh is None else p.bias_hh
    weight_rz, weight_n = p.weight_hh[: 2 * hidden], p.weight_hh[2 * hidden :]
    u, v = linear(x, p.weight_ih, p.bias_ih) + b_hh, linear(h, weight_rz, None)  # (1)
    (u_r, u_z, u_n), (v_r, v_z) = u.chunk(3, dim=1), v.chunk(2, dim=1)
    r, z = sigmoid(u_r + v_r), sigmoid(u_z + v_z)  # (2)
    n = tanh(u_n + linear(r * h, weight_n, None))  # (3)
    h_next = (1 - z) * n + z * h  # (4)
    return State(h_next)
