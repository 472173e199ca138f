"""Encoder of the seq2seq model: a sentence in, a state out.

The recurrent layer that it uses is in stack.py, called through modules.py.

    (1)  x = E[w]                          the row of each token in the embedding table
    (2)  s_n = rnn(x)                      the state after each sentence's last token; s_0 is zero
    (3)  s = [ s→ | s← ] W_bᵀ + b_b        the bridge, where the layer is bidirectional

A decoder has one direction. The bridge maps the final states of both directions to one state; all layers
share it, and h and c (LSTM) have one bridge each. Sentences are packed, in any order of their lengths; the
states are returned in the caller's order.

Axes (scratch_rnn/notation.py): R rows, N batch, E embedding, H hidden, S states, L layers, V vocabulary.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Embedding, Linear, Module

from scratch_rnn.seq2seq_common import Sizes
from scratch_rnn.torch_autograd import modules
from scratch_rnn.torch_autograd.models.decoder import CELLS
from scratch_rnn.torch_autograd.models.tokens import TokenBatch
from scratch_rnn.torch_autograd.packed import pack_padded_sequence
from scratch_rnn.torch_autograd.protocols import State
from scratch_rnn.torch_autograd.rnn_base import RNNBase


class Encoder(Module):
    """`engine` selects how the recurrent layer is computed: "steps" or "fused"."""

    def __init__(
        self, sizes: Sizes, device: torch.device | str | None, dtype: torch.dtype | None, engine: str
    ) -> None:
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

    def forward(self, source: TokenBatch) -> list[State]:
        """The State of every layer."""
        tokens = pack_padded_sequence(source.tokens, source.lengths, enforce_sorted=False)
        x = tokens._replace(data=self.embedding(tokens.data))  # (1)
        _, state_n = self.rnn(x)  # (2)
        stacked = [state_n] if isinstance(state_n, Tensor) else list(state_n)
        for n, name in enumerate(self.bridges):
            stacked[n] = bridge(stacked[n], self.get_submodule(name))
        return [CELLS[self.kind].State(*parts) for parts in zip(*stacked, strict=True)]


def bridge(states: Float[Tensor, "S N H"], linear: Module) -> Float[Tensor, "L N H"]:
    """The state of every layer."""
    both = torch.cat([states[0::2], states[1::2]], dim=2)
    joined: Tensor = linear(both)  # (3)
    return joined
