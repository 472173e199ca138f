"""Decoder of the seq2seq model: its parameters, and one time step through its layers, with its adjoint.

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

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from scratch_rnn.numpy_bptt import gru, lstm, modules, rnn
from scratch_rnn.numpy_bptt.base import AnyCell
from scratch_rnn.numpy_bptt.checks import FloatType
from scratch_rnn.numpy_bptt.models.module import HasParameters, Module, draw_embedding, draw_linear
from scratch_rnn.numpy_bptt.protocols import Arrays, CacheT, Cell, ParamsT, StateT
from scratch_rnn.numpy_bptt.rnn_base import RNNBase
from scratch_rnn.parameters import pick
from scratch_rnn.seq2seq_common import Sizes

CELLS: dict[str, AnyCell] = {"rnn": rnn, "lstm": lstm, "gru": gru}
"""The cell files by name."""


class Params(NamedTuple):
    """The weights, or the gradients with respect to them; `layers` has the cell's Params of every layer."""

    embedding: Float[ndarray, "V E"]
    layers: Sequence[Arrays]
    weight: Float[ndarray, "V H"]
    bias: Float[ndarray, "V"]


class Decoder(Module):
    """Holds and names the parameters. `rnn` is not called as a layer: `step` uses its weights."""

    def __init__(self, sizes: Sizes, dtype: FloatType, rng: np.random.Generator) -> None:
        vocabulary, width, hidden = sizes.target_size, sizes.embedding_size, sizes.hidden_size
        self.kind = sizes.cell
        parts: dict[str, ndarray | HasParameters] = {**draw_embedding(vocabulary, width, dtype, rng)}
        self.rnn: RNNBase = getattr(modules, sizes.cell.upper())(
            width, hidden, sizes.num_layers, dtype=dtype, rng=rng
        )
        parts["rnn"] = self.rnn
        super().__init__(parts | draw_linear("head", vocabulary, hidden, dtype, rng))

    def params(self) -> Params:
        """The parameters in the form that `step` and the loop take."""
        named, kind, own = self.rnn.state_dict(), CELLS[self.kind].Params, self.arrays
        layers = [kind(*pick(named, kind._fields, f"_l{k}")) for k in range(self.rnn.sizes.num_layers)]
        return Params(own["embedding.weight"], layers, own["head.weight"], own["head.bias"])


def by_name(p: Params) -> dict[str, ndarray]:
    """The inverse of Decoder.params: a dictionary with the keys of Decoder.state_dict()."""
    layers = [(f"rnn.{field}_l{k}", a) for k, q in enumerate(p.layers) for field, a in q._asdict().items()]
    rnn = {name: array for name, array in layers if array is not None}
    return {"embedding.weight": p.embedding} | rnn | {"head.weight": p.weight, "head.bias": p.bias}


def step(
    cell: Cell[StateT, ParamsT, CacheT],
    x: Float[ndarray, "N E"],
    state: Sequence[StateT],
    layers: Sequence[ParamsT],
) -> tuple[list[StateT], list[CacheT]]:
    """(x, s) -> s', and the caches for the backward pass. The output is the h of the last layer."""
    state_next, caches = [], []
    for s, p in zip(state, layers, strict=True):
        s_next, cache = cell.step(x, s, p)  # (1)
        x = s_next.h  # (2)
        state_next.append(s_next)
        caches.append(cache)
    return state_next, caches


def step_backward(
    cell: Cell[StateT, ParamsT, CacheT],
    d_y: Float[ndarray, "N H"],
    d_state_next: Sequence[StateT],
    caches: Sequence[CacheT],
    layers: Sequence[ParamsT],
) -> tuple[Float[ndarray, "N E"], list[StateT], list[ParamsT]]:
    """(d_y of the output, d_s') -> d_x, d_s, and d_layers of this step, from the last layer to the first."""
    d_state, d_layers, d_x = list(d_state_next), list(layers), d_y
    for k in reversed(range(len(layers))):
        # (2)  h'^k is read by the layer above, or the head, and by step t+1: the two gradients add up.
        d_s_next = d_state_next[k]._replace(h=d_state_next[k].h + d_x)
        # (1)  s'^k = cell(x^k, s^k)
        d_x, d_state[k], d_layers[k] = cell.step_backward(d_s_next, caches[k], layers[k])
    return d_x, d_state, d_layers


def add(a: Sequence[ParamsT], b: Sequence[ParamsT]) -> list[ParamsT]:
    """The sum of two steps' d_layers, parameter by parameter; a missing bias stays None."""
    return [
        type(p)(*(None if x is None else x + y for x, y in zip(p, q, strict=True)))
        for p, q in zip(a, b, strict=True)
    ]


def zeros(state: Sequence[StateT]) -> list[StateT]:
    """Zeros in the shape of a state: the gradient of an unused state, or of one where the gradient stops."""
    return [type(s)(*(np.zeros_like(a) for a in s)) for s in state]
