"""Decoder of the seq2seq model: its parameters, and one time step up through its layers.

It is not the loop over the words of a sentence: that is seq2seq.py. Nor is it a recurrent layer: there a
layer runs through all of time before the next one starts, and a decoder can't, since what it reads next
may be what it has just said. So here the layers are the inner loop:

    (1)  s'^k = cell(x^k, s^k)           for each layer k, bottom up; x^0 = x
    (2)  x^{k+1} = h'^k                  what the layer above reads; above the last one, the head

Axes (scratch_rnn/notation.py): N batch, E embedding, H hidden, V words. A state is a list of the cell's
States, one a layer.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor
from torch.nn import Embedding, Linear, Module

from scratch_rnn.parameters import pick
from scratch_rnn.seq2seq_common import Sizes
from scratch_rnn.torch_autograd import gru, lstm, modules, rnn
from scratch_rnn.torch_autograd.rnn_base import RNNBase

CELLS: dict[str, Any] = {"rnn": rnn, "lstm": lstm, "gru": gru}
"""The cell files by name."""


class Params(NamedTuple):
    """The weights; `layers` are the cell's Params, one a layer."""

    embedding: Float[Tensor, "V E"]
    layers: Sequence[Any]
    weight: Float[Tensor, "V H"]
    bias: Float[Tensor, "V"]


class Decoder(Module):
    """Keeps and names the parameters. `rnn` is never run as a layer: its weights are what is wanted."""

    def __init__(self, sizes: Sizes, device: Any, dtype: Any) -> None:
        super().__init__()
        words, width, hidden = sizes.target_size, sizes.embedding_size, sizes.hidden_size
        self.embedding = Embedding(words, width, device=device, dtype=dtype)
        self.rnn: RNNBase = getattr(modules, sizes.cell.upper())(
            width, hidden, sizes.num_layers, device=device, dtype=dtype
        )
        self.kind = sizes.cell
        self.head = Linear(hidden, words, device=device, dtype=dtype)

    def params(self) -> Params:
        """As `step` and the loop take them."""
        named, kind = dict(self.rnn.named_parameters()), CELLS[self.kind].Params
        layers = [kind(*pick(named, kind._fields, f"_l{k}")) for k in range(self.rnn.num_layers)]
        return Params(self.embedding.weight, layers, self.head.weight, self.head.bias)


def step(cell: Any, x: Float[Tensor, "N E"], state: Sequence[Any], layers: Sequence[Any]) -> list[Any]:
    """(x, s) -> s'. The output is the h of the last layer."""
    state_next = []
    for s, p in zip(state, layers, strict=True):
        s_next = cell.step(x, s, p)  # (1)
        x = s_next.h  # (2)
        state_next.append(s_next)
    return state_next


def detach(state: Sequence[Any]) -> list[Any]:
    """The same numbers, through which no gradient passes."""
    return [type(s)(*(a.detach() for a in s)) for s in state]
