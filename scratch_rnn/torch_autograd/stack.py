"""A stack of layers in one direction or two, with dropout between them. Autograd differentiates it.

Pure functions. One direction of one layer is computed by an engine: layer.py, or a file of fused/. The
callers' layouts are in layout.py, the public classes in modules.py.

    (1)  x^k = m^k ⊙ y^{k-1}                 from layer 1 on, in training: m is 0, or 1/(1-p)
    (2)  y^k_d, s^k_d = layer(x^k, s_0^k_d)  for each direction d
    (3)  y^k = [ y^k_forward | y^k_reverse ]

Axes (scratch_rnn/notation.py): R rows, I input, O = D·P output. States and parameters are lists of S;
direction d of layer k is number k·D + d.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from scratch_rnn.torch_autograd.protocols import Engine, Params, State


def forward(
    engine: Engine,
    x: Float[Tensor, "R I"],
    batch_sizes: Sequence[int],
    states: Sequence[State],
    params: Sequence[Params],
    layers: int,
    dropout: float,
) -> tuple[Float[Tensor, "R O"], list[State]]:
    """(output, last states). `dropout` is p in training, and 0 in evaluation."""
    directions = len(params) // layers
    states_n = []
    for k in range(layers):
        if k > 0 and dropout > 0:
            x = F.dropout(x, dropout)  # (1)
        outputs = []
        for d in range(directions):
            s = k * directions + d
            y, state_n = engine(x, batch_sizes, states[s], params[s], d == 1)  # (2)
            outputs.append(y)
            states_n.append(state_n)
        x = torch.cat(outputs, dim=1)  # (3)
    return x, states_n
