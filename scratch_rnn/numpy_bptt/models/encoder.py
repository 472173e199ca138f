"""Encoder of the seq2seq model, differentiated by hand: it reads a sentence and leaves a state behind.

It is not the recurrent layer: that is stack.py, over modules.py, and goes its own way back through time.

    (1)  x = E[w]                          each word's row of the embedding table
    (2)  s_n = rnn(x)                      the state after each sentence's own last word, from zeros
    (3)  s = [ s→ | s← ] W_bᵀ + b_b        the bridge: with a second direction, what both have read

The bridge makes one state of two, since a decoder runs one way only. It is the same for every layer; h and
c (LSTM) have one each. Sentences are packed, whatever the order of their lengths; their states leave in
the caller's order.

Axes (scratch_rnn/notation.py): R rows, N batch, E embedding, H hidden, S states, L layers, V words.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from scratch_rnn.numpy_bptt import modules, rnn_base
from scratch_rnn.numpy_bptt.models.decoder import CELLS
from scratch_rnn.numpy_bptt.models.module import Module, under
from scratch_rnn.numpy_bptt.models.tokens import Sentences
from scratch_rnn.numpy_bptt.ops import embedding, embedding_backward, linear, linear_backward
from scratch_rnn.numpy_bptt.packed import PackedSequence, pack_padded_sequence
from scratch_rnn.seq2seq_common import Sizes


class Tape(NamedTuple):
    """What `forward` writes down for `backward`."""

    words: PackedSequence
    params: Mapping[str, ndarray]
    rnn: rnn_base.Tape
    rows: Sequence[Float[ndarray, "R 2*H"]]


class Encoder(Module):
    """`engine` runs the recurrent layer."""

    def __init__(self, sizes: Sizes, dtype: Any, rng: np.random.Generator, engine: str) -> None:
        hidden, width = sizes.hidden_size, sizes.embedding_size
        table = rng.normal(size=(sizes.source_size, width)).astype(dtype)
        self.rnn: rnn_base.RNNBase = getattr(modules, sizes.cell.upper())(
            width,
            hidden,
            sizes.num_layers,
            bidirectional=sizes.bidirectional,
            dtype=dtype,
            rng=rng,
            engine=engine,
        )
        parts: dict[str, Any] = {"embedding.weight": table, "rnn": self.rnn}
        self.kind = sizes.cell
        fields = CELLS[self.kind].State._fields
        self.bridges = [f"bridge_{field}" for field in fields] if sizes.bidirectional else []
        bound = 1 / np.sqrt(2 * hidden)  # as torch.nn.Linear draws
        for name in self.bridges:
            parts[f"{name}.weight"] = rng.uniform(-bound, bound, (hidden, 2 * hidden)).astype(dtype)
            parts[f"{name}.bias"] = rng.uniform(-bound, bound, hidden).astype(dtype)
        super().__init__(parts)

    def forward(self, source: Sentences) -> tuple[list[Any], Tape]:
        """(one State a layer, tape)."""
        words = pack_padded_sequence(source.words, source.lengths, enforce_sorted=False)
        p = {name: part for name, part in self.parts.items() if name != "rnn"}
        x = words._replace(data=embedding(words.data, p["embedding.weight"]))  # (1)
        _, state_n, tape = self.rnn.forward(x)  # (2)
        stacked, rows = ([state_n] if isinstance(state_n, ndarray) else list(state_n)), []
        for n, name in enumerate(self.bridges):
            stacked[n], row = bridge(stacked[n], p[f"{name}.weight"], p[f"{name}.bias"])
            rows.append(row)
        state = [CELLS[self.kind].State(*parts) for parts in zip(*stacked, strict=True)]
        return state, Tape(words, p, tape, rows)

    def backward(self, tape: Tape, d_state: Sequence[Any]) -> dict[str, ndarray]:
        """The gradient of every parameter, by name."""
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
        d_table = embedding_backward(d_x.data, tape.words.data, p["embedding.weight"])
        return {"embedding.weight": d_table} | under("rnn", d_rnn) | d_bridges


def bridge(
    states: Float[ndarray, "S N H"], weight: Float[ndarray, "H 2*H"], bias: Float[ndarray, "H"]
) -> tuple[Float[ndarray, "L N H"], Float[ndarray, "R 2*H"]]:
    """(one state a layer, what the way back needs)."""
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
    """(d_states, d_weight, d_bias); every layer's share of d_weight adds up in the rows."""
    layers, batch, width = d_joined.shape
    # (3)  s = [ s→ | s← ] W_bᵀ + b_b
    d_rows, d_weight, d_bias = linear_backward(d_joined.reshape(-1, width), rows, weight, bias)
    d_both = d_rows.reshape(layers, batch, 2, width)
    d_states = d_both.transpose(0, 2, 1, 3).reshape(2 * layers, batch, width)
    return d_states, d_weight, np.asarray(d_bias)
