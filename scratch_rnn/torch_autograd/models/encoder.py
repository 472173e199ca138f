"""Encoder of the seq2seq model: it reads a sentence and leaves a state behind.

It is not the recurrent layer: that is stack.py, over modules.py.

    (1)  x = E[w]                          each word's row of the embedding table
    (2)  s_n = rnn(x)                      the state after each sentence's own last word, from zeros
    (3)  s = [ s→ | s← ] W_bᵀ + b_b        the bridge: with a second direction, what both have read

The bridge makes one state of two, since a decoder runs one way only. It is the same for every layer; h and
c (LSTM) have one each. Sentences are packed, whatever the order of their lengths; their states leave in
the caller's order.

Axes (scratch_rnn/notation.py): R rows, N batch, E embedding, H hidden, S states, L layers, V words.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Embedding, Linear, Module

from scratch_rnn.seq2seq_common import Sizes
from scratch_rnn.torch_autograd import modules
from scratch_rnn.torch_autograd.models.decoder import CELLS
from scratch_rnn.torch_autograd.models.tokens import Sentences
from scratch_rnn.torch_autograd.packed import pack_padded_sequence
from scratch_rnn.torch_autograd.rnn_base import RNNBase


class Encoder(Module):
    """`engine` runs the recurrent layer."""

    def __init__(self, sizes: Sizes, device: Any, dtype: Any, engine: str) -> None:
        super().__init__()
        hidden, width = sizes.hidden_size, sizes.embedding_size
        self.embedding = Embedding(sizes.source_size, width, device=device, dtype=dtype)
        self.rnn: RNNBase = getattr(modules, sizes.cell.upper())(
            width,
            hidden,
            sizes.num_layers,
            bidirectional=sizes.bidirectional,
            device=device,
            dtype=dtype,
            engine=engine,
        )
        self.kind = sizes.cell
        fields = CELLS[self.kind].State._fields
        self.bridges = [f"bridge_{field}" for field in fields] if sizes.bidirectional else []
        for name in self.bridges:
            self.add_module(name, Linear(2 * hidden, hidden, device=device, dtype=dtype))

    def forward(self, source: Sentences) -> list[Any]:
        """One State a layer."""
        words = pack_padded_sequence(source.words, source.lengths, enforce_sorted=False)
        x = words._replace(data=self.embedding(words.data))  # (1)
        _, state_n = self.rnn(x)  # (2)
        stacked = [state_n] if isinstance(state_n, Tensor) else list(state_n)
        for n, name in enumerate(self.bridges):
            stacked[n] = bridge(stacked[n], self.get_submodule(name))
        return [CELLS[self.kind].State(*parts) for parts in zip(*stacked, strict=True)]


def bridge(states: Float[Tensor, "S N H"], linear: Module) -> Float[Tensor, "L N H"]:
    """One state a layer."""
    both = torch.cat([states[0::2], states[1::2]], dim=2)
    joined: Tensor = linear(both)  # (3)
    return joined
