"""Decoder of the seq2seq model: its parameters, and one time step up through its layers, and the way back.

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

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from scratch_rnn.numpy_bptt import gru, lstm, modules, rnn
from scratch_rnn.numpy_bptt.models.module import Module
from scratch_rnn.numpy_bptt.rnn_base import RNNBase
from scratch_rnn.parameters import pick
from scratch_rnn.seq2seq_common import Sizes

CELLS: dict[str, Any] = {"rnn": rnn, "lstm": lstm, "gru": gru}
"""The cell files by name."""


class Params(NamedTuple):
    """The weights, or the gradient with respect to them; `layers` are the cell's Params, one a layer."""

    embedding: Float[ndarray, "V E"]
    layers: Sequence[Any]
    weight: Float[ndarray, "V H"]
    bias: Float[ndarray, "V"]


class Decoder(Module):
    """Keeps and names the parameters. `rnn` is never run as a layer: its weights are what is wanted."""

    def __init__(self, sizes: Sizes, dtype: Any, rng: np.random.Generator) -> None:
        words, width, hidden = sizes.target_size, sizes.embedding_size, sizes.hidden_size
        table = rng.normal(size=(words, width)).astype(dtype)
        rnn = getattr(modules, sizes.cell.upper())(width, hidden, sizes.num_layers, dtype=dtype, rng=rng)
        bound = 1 / np.sqrt(hidden)  # as torch.nn.Linear draws
        weight = rng.uniform(-bound, bound, (words, hidden)).astype(dtype)
        bias = rng.uniform(-bound, bound, words).astype(dtype)
        self.kind = sizes.cell
        super().__init__({"embedding.weight": table, "rnn": rnn, "head.weight": weight, "head.bias": bias})

    def params(self) -> Params:
        """As `step` and the loop take them."""
        rnn: RNNBase = self.parts["rnn"]
        named, kind = rnn.state_dict(), CELLS[self.kind].Params
        layers = [kind(*pick(named, kind._fields, f"_l{k}")) for k in range(rnn.sizes.num_layers)]
        return Params(
            self.parts["embedding.weight"], layers, self.parts["head.weight"], self.parts["head.bias"]
        )


def by_name(p: Params) -> dict[str, ndarray]:
    """The reverse of Decoder.params: keyed as Decoder.state_dict()."""
    layers = [(f"rnn.{field}_l{k}", a) for k, q in enumerate(p.layers) for field, a in q._asdict().items()]
    rnn = {name: array for name, array in layers if array is not None}
    return {"embedding.weight": p.embedding} | rnn | {"head.weight": p.weight, "head.bias": p.bias}


def step(
    cell: Any, x: Float[ndarray, "N E"], state: Sequence[Any], layers: Sequence[Any]
) -> tuple[list[Any], list[Any]]:
    """(x, s) -> s', and what the way back needs. The output is the h of the last layer."""
    state_next, caches = [], []
    for s, p in zip(state, layers, strict=True):
        s_next, cache = cell.step(x, s, p)  # (1)
        x = s_next.h  # (2)
        state_next.append(s_next)
        caches.append(cache)
    return state_next, caches


def step_backward(
    cell: Any,
    d_y: Float[ndarray, "N H"],
    d_state_next: Sequence[Any],
    caches: Sequence[Any],
    layers: Sequence[Any],
) -> tuple[Float[ndarray, "N E"], list[Any], list[Any]]:
    """d_y of the output, d_s' -> d_x, d_s and this step's share of d_layers, from the top layer down."""
    d_state, d_layers, d_x = list(d_state_next), list(layers), d_y
    for k in reversed(range(len(layers))):
        # (2)  h'^k is read by the layer above, or the head, and by step t+1: the two shares add up.
        d_s_next = d_state_next[k]._replace(h=d_state_next[k].h + d_x)
        # (1)  s'^k = cell(x^k, s^k)
        d_x, d_state[k], d_layers[k] = cell.step_backward(d_s_next, caches[k], layers[k])
    return d_x, d_state, d_layers


def add(a: Sequence[Any], b: Sequence[Any]) -> list[Any]:
    """Sum of two steps' d_layers, name by name; no bias (None) stays none."""
    return [
        type(p)(*(None if x is None else x + y for x, y in zip(p, q, strict=True)))
        for p, q in zip(a, b, strict=True)
    ]


def zeros(state: Sequence[Any]) -> list[Any]:
    """A state of the same shape: the gradient where none arrives, or none may pass."""
    return [type(s)(*(np.zeros_like(a) for a in s)) for s in state]
