"""Encoder of the seq2seq model: a sentence in, a state out. Its backward pass is by hand.

The recurrent layer that it uses is in stack.py, called through modules.py, with a backward pass of its own.

    (1)  x = E[w]                          the row of each token in the embedding table
    (2)  s_n = rnn(x)                      the state after each sentence's last token; s_0 is zero
    (3)  s = [ s→ | s← ] W_bᵀ + b_b        the bridge, where the layer is bidirectional

A decoder has one direction. The bridge maps the final states of both directions to one state; all layers
share it, and h and c (LSTM) have one bridge each. Sentences are packed, in any order of their lengths; the
states are returned in the caller's order.

Axes (scratch_rnn/notation.py): R rows, N batch, E embedding, H hidden, S states, L layers, V vocabulary.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from scratch_rnn.numpy_bptt import modules, rnn_base
from scratch_rnn.numpy_bptt.checks import FloatType
from scratch_rnn.numpy_bptt.models.decoder import CELLS
from scratch_rnn.numpy_bptt.models.module import HasParameters, Module, draw_embedding, draw_linear, under
from scratch_rnn.numpy_bptt.models.tokens import TokenBatch
from scratch_rnn.numpy_bptt.ops import embedding, embedding_backward, linear, linear_backward
from scratch_rnn.numpy_bptt.packed import PackedSequence, pack_padded_sequence
from scratch_rnn.numpy_bptt.protocols import State
from scratch_rnn.seq2seq_common import Sizes


class Tape(NamedTuple):
    """What `forward` saves for `backward`; `rows` are the inputs of the bridges of h and of c."""

    tokens: PackedSequence
    params: Mapping[str, ndarray]
    rnn: rnn_base.Tape
    rows: Sequence[Float[ndarray, "R 2*H"]]


class Encoder(Module):
    """`engine` selects how the recurrent layer is computed: "steps" or "fused"."""

    def __init__(self, sizes: Sizes, dtype: FloatType, rng: np.random.Generator, engine: str) -> None:
        hidden, width = sizes.hidden_size, sizes.embedding_size
        self.rnn: rnn_base.RNNBase = getattr(modules, sizes.cell.upper())(
            width,
            hidden,
            sizes.num_layers,
            bidirectional=sizes.bidirectional,
            dtype=dtype,
            rng=rng,
            engine=engine,
        )
        self.kind = sizes.cell
        fields = CELLS[self.kind].State._fields
        self.bridges = [f"bridge_{field}" for field in fields] if sizes.bidirectional else []
        parts: dict[str, ndarray | HasParameters] = {
            **draw_embedding(sizes.source_size, width, dtype, rng),
            "rnn": self.rnn,
        }
        for name in self.bridges:
            parts |= draw_linear(name, hidden, 2 * hidden, dtype, rng)
        super().__init__(parts)

    def forward(self, source: TokenBatch) -> tuple[list[State], Tape]:
        """(the State of every layer, tape)."""
        tokens = pack_padded_sequence(source.tokens, source.lengths, enforce_sorted=False)
        p = self.arrays
        x = tokens._replace(data=embedding(tokens.data, p["embedding.weight"]))  # (1)
        _, state_n, tape = self.rnn.forward(x)  # (2)
        stacked, rows = ([state_n] if isinstance(state_n, ndarray) else list(state_n)), []
        for n, name in enumerate(self.bridges):
            stacked[n], row = bridge(stacked[n], p[f"{name}.weight"], p[f"{name}.bias"])
            rows.append(row)
        state = [CELLS[self.kind].State(*parts) for parts in zip(*stacked, strict=True)]
        return state, Tape(tokens, p, tape, rows)

    def backward(self, tape: Tape, d_state: Sequence[State]) -> dict[str, ndarray]:
        """The gradient of every parameter, by name; d_state has the State of every layer."""
        p = tape.params
        d_bridges: dict[str, ndarray] = {}
        d_stacked = [np.stack(parts) for parts in zip(*d_state, strict=True)]
        # (3)  s = [ s→ | s← ] W_bᵀ + b_b
        for n, name in enumerate(self.bridges):
            weight, bias = p[f"{name}.weight"], p[f"{name}.bias"]
            d_stacked[n], d_weight, d_bias = bridge_backward(d_stacked[n], tape.rows[n], weight, bias)
            d_bridges |= {f"{name}.weight": d_weight, f"{name}.bias": d_bias}
        # (2)  s_n = rnn(x)
        d_x, _, d_rnn = self.rnn.backward(tape.rnn, None, d_stacked if len(d_stacked) > 1 else d_stacked[0])
        # (1)  x = E[w]
        d_table = embedding_backward(d_x.data, tape.tokens.data, p["embedding.weight"])
        return {"embedding.weight": d_table} | under("rnn", d_rnn) | d_bridges


def bridge(
    states: Float[ndarray, "S N H"], weight: Float[ndarray, "H 2*H"], bias: Float[ndarray, "H"]
) -> tuple[Float[ndarray, "L N H"], Float[ndarray, "R 2*H"]]:
    """(the state of every layer, the rows that `bridge_backward` needs)."""
    both = np.concatenate([states[0::2], states[1::2]], axis=2)
    rows = both.reshape(-1, both.shape[2])
    joined = linear(rows, weight, bias)  # (3)
    return joined.reshape(*both.shape[:2], -1), rows


def bridge_backward(
    d_joined: Float[ndarray, "L N H"],
    rows: Float[ndarray, "R 2*H"],
    weight: Float[ndarray, "H 2*H"],
    bias: Float[ndarray, "H"],
) -> tuple[Float[ndarray, "S N H"], Float[ndarray, "H 2*H"], Float[ndarray, "H"]]:
    """(d_states, d_weight, d_bias); the rows of all layers contribute to d_weight."""
    layers, batch, width = d_joined.shape
    # (3)  s = [ s→ | s← ] W_bᵀ + b_b
    d_rows, d_weight, d_bias = linear_backward(d_joined.reshape(-1, width), rows, weight, bias)
    d_both = d_rows.reshape(layers, batch, 2, width)
    d_states = d_both.transpose(0, 2, 1, 3).reshape(2 * layers, batch, width)
    return d_states, d_weight, np.asarray(d_bias)
