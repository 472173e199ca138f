"""Flax in float64: cells of nnx and linen in flax's own RNN, which knows lengths and the direction."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx, traverse_util

from tests.convert.cases import HIDDEN, INPUTS, ROWS, STEPS, Case, Record, draw, real
from tests.convert.run_equinox import differentiate, ends

jax.config.update("jax_enable_x64", True)

NNX = {
    ("nnx", "rnn"): nnx.SimpleCell,
    ("nnx", "lstm"): nnx.OptimizedLSTMCell,
    ("nnx", "gru"): nnx.GRUCell,
    ("nnx_named", "lstm"): nnx.LSTMCell,
}
LINEN = {"rnn": linen.SimpleCell, "lstm": linen.OptimizedLSTMCell, "gru": linen.GRUCell}
FLOAT64 = {"dtype": jnp.float64, "param_dtype": jnp.float64}


def run(case: Case, rng: np.random.Generator) -> Record:
    numbers = draw(case, rng)
    flavour = dict(case.options)["flavour"]
    make = make_linen if flavour == "linen" else make_nnx
    layers, arrays = {}, {}
    for k, end in ends(case):
        width = INPUTS if k == 0 else case.directions * HIDDEN
        layers[end], shapes = make(flavour, case.kind, width, end.endswith("_reverse"))
        arrays[end] = {name: 0.5 * rng.normal(size=shape) for name, shape in sorted(shapes.items())}
    lengths = None if case.lengths is None else jnp.array(case.lengths)

    def forward(arrays: Any, x: Any, states: Any) -> Any:
        finals: dict[str, list[Any]] = {letter: [] for letter in case.letters}
        for k in range(case.layers):
            outputs = []
            for end in [end for layer, end in ends(case) if layer == k]:
                first = [states[f"{letter}_0"][len(finals["h"])] for letter in case.letters]
                carry = (first[1], first[0]) if len(first) == 2 else first[0]  # (c, h)
                final, y = layers[end](arrays[end], jnp.swapaxes(x, 0, 1), carry, lengths)
                for letter, state in zip(
                    case.letters, final[::-1] if len(first) == 2 else [final], strict=True
                ):
                    finals[letter].append(state)
                outputs.append(jnp.swapaxes(y, 0, 1) * real(case))
            x = jnp.concatenate(outputs, axis=-1)
        return {"output": x} | {f"{letter}_n": jnp.stack(states) for letter, states in finals.items()}

    return differentiate(case, numbers, arrays, forward)


def make_nnx(flavour: str, kind: str, width: int, reverse: bool) -> tuple[Any, dict[str, tuple[int, ...]]]:
    """(function of parameters, x, carry and lengths, shapes of the parameters)."""
    cell = NNX[flavour, kind](width, HIDDEN, **FLOAT64, rngs=nnx.Rngs(0))
    graph, params, rest = nnx.split(cell, nnx.Param, ...)
    named = traverse_util.flatten_dict(nnx.to_pure_dict(params), sep="/")

    def call(arrays: Any, x: Any, carry: Any, lengths: Any) -> Any:
        nnx.replace_by_pure_dict(params, traverse_util.unflatten_dict(arrays, sep="/"))
        merged = nnx.merge(graph, params, rest)
        layer = nnx.RNN(merged, return_carry=True, reverse=reverse, keep_order=True)
        return layer(x, initial_carry=carry, seq_lengths=lengths)

    return call, {name: array.shape for name, array in named.items()}


def make_linen(flavour: str, kind: str, width: int, reverse: bool) -> tuple[Any, dict[str, tuple[int, ...]]]:
    """The same for linen."""
    layer = linen.RNN(LINEN[kind](HIDDEN, **FLOAT64), return_carry=True, reverse=reverse, keep_order=True)
    params = layer.init(jax.random.key(0), jnp.zeros((ROWS, STEPS, width)))["params"]["cell"]
    named = traverse_util.flatten_dict(params, sep="/")

    def call(arrays: Any, x: Any, carry: Any, lengths: Any) -> Any:
        tree = {"params": {"cell": traverse_util.unflatten_dict(arrays, sep="/")}}
        return layer.apply(tree, x, initial_carry=carry, seq_lengths=lengths)

    return call, {name: array.shape for name, array in named.items()}
