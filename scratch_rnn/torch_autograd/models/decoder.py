"""Decoder of the seq2seq model: its parameters, and one time step through its layers.

The loop over the tokens of a sentence is in seq2seq.py. A recurrent layer computes all steps before the
layer above it starts. A decoder cannot, because its next input may be the token that it predicts in this
step. So the loop over layers is the inner one here:

    (1)  s'^k = cell(x^k, s^k)           for each layer k from 0 up; x^0 = x
    (2)  x^{k+1} = h'^k                  the input of the layer above; the head reads the last layer's h'

Axes (scratch_rnn/notation.py): N batch, E embedding, H hidden, V vocabulary. A state is a list with the
cell's State of every layer.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Embedding, Linear, Module

from scratch_rnn.parameters import pick
from scratch_rnn.seq2seq_common import Sizes
from scratch_rnn.torch_autograd import gru, lstm, modules, rnn
from scratch_rnn.torch_autograd.protocols import AnyCell, Cell, ParamsT, StateT
from scratch_rnn.torch_autograd.protocols import Params as CellParams
from scratch_rnn.torch_autograd.rnn_base import RNNBase

CELLS: dict[str, AnyCell] = {"rnn": rnn, "lstm": lstm, "gru": gru}
"""The cell files by name."""


class Params(NamedTuple):
    """The weights; `layers` has the cell's Params of every layer."""

    embedding: Float[Tensor, "V E"]
    layers: Sequence[CellParams]
    weight: Float[Tensor, "V H"]
    bias: Float[Tensor, "V"]


class Decoder(Module):
    """Holds and names the parameters. `rnn` is not called as a layer: `step` uses its weights."""

    def __init__(self, sizes: Sizes, device: torch.device | str | None, dtype: torch.dtype | None) -> None:
        super().__init__()
        vocabulary, width, hidden = sizes.target_size, sizes.embedding_size, sizes.hidden_size
        self.embedding = Embedding(vocabulary, width, device=device, dtype=dtype)
        self.rnn: RNNBase = getattr(modules, sizes.cell.upper())(
            width, hidden, sizes.num_layers, device=device, dtype=dtype
        )
        self.kind = sizes.cell
        self.head = Linear(hidden, vocabulary, device=device, dtype=dtype)

    def params(self) -> Params:
        """The parameters in the form that `step` and the loop take."""
        named, kind = dict(self.rnn.named_parameters()), CELLS[self.kind].Params
        layers = [kind(*pick(named, kind._fields, f"_l{k}")) for k in range(self.rnn.num_layers)]
        return Params(self.embedding.weight, layers, self.head.weight, self.head.bias)


def step(
    cell: Cell[StateT, ParamsT], x: Float[Tensor, "N E"], state: Sequence[StateT], layers: Sequence[ParamsT]
) -> list[StateT]:
    """(x, s) -> s'. The output is the h of the last layer."""
    state_next = []
    for s, p in zip(state, layers, strict=True):
        s_next = cell.step(x, s, p)  # (1)
        x = s_next.h  # (2)
        state_next.append(s_next)
    return state_next


def detach(state: Sequence[StateT]) -> list[StateT]:
    """The same state, at which the gradient stops."""
    return [type(s)(*(a.detach() for a in s)) for s in state]
