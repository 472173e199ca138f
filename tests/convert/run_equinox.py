"""Equinox in float64: its cells, looped over time, rows, directions and layers here."""

from typing import Any

import equinox
import jax
import jax.numpy as jnp
import numpy as np

from tests.convert.cases import HIDDEN, INPUTS, ROWS, STEPS, Case, Record, draw, flat

jax.config.update("jax_enable_x64", True)

CELLS = {"lstm": equinox.nn.LSTMCell, "gru": equinox.nn.GRUCell}
FIELDS = ("weight_ih", "weight_hh", "bias", "bias_n")


def ends(case: Case) -> list[tuple[int, str]]:
    """(layer, suffix) of each cell, in the order of the states."""
    return [(k, f"_l{k}{end}") for k in range(case.layers) for end in ("", "_reverse")[: case.directions]]


def run(case: Case, rng: np.random.Generator) -> Record:
    numbers = draw(case, rng)
    cells, arrays = {}, {}
    for k, end in ends(case):
        width = INPUTS if k == 0 else case.directions * HIDDEN
        key = jax.random.key(0)
        cells[end] = CELLS[case.kind](width, HIDDEN, use_bias=case.bias, dtype=jnp.float64, key=key)
        shapes = {name: getattr(cells[end], name, None) for name in FIELDS}
        arrays[end] = {n: 0.5 * rng.normal(size=a.shape) for n, a in shapes.items() if a is not None}

    def forward(arrays: Any, x: Any, states: Any) -> Any:
        lengths = case.lengths or (STEPS,) * ROWS
        finals: dict[str, list[Any]] = {letter: [] for letter in case.letters}
        for k in range(case.layers):
            outputs = []
            for end in [end for layer, end in ends(case) if layer == k]:
                names = list(arrays[end])
                cell = equinox.tree_at(
                    lambda c, names=names: [getattr(c, name) for name in names],
                    cells[end],
                    [arrays[end][name] for name in names],
                )
                number = len(finals["h"])
                first = [[states[f"{s}_0"][number, row] for s in case.letters] for row in range(ROWS)]
                rows = [
                    run_row(cell, x[: lengths[row], row], first[row], end.endswith("_reverse"))
                    for row in range(ROWS)
                ]
                outputs.append(
                    jnp.stack([jnp.pad(y, ((0, STEPS - len(y)), (0, 0))) for y, _ in rows], axis=1)
                )
                for place, letter in enumerate(case.letters):
                    finals[letter].append(jnp.stack([state[place] for _, state in rows]))
            x = jnp.concatenate(outputs, axis=-1)
        return {"output": x} | {f"{letter}_n": jnp.stack(states) for letter, states in finals.items()}

    return differentiate(case, numbers, arrays, forward)


def run_row(cell: Any, x: Any, state: list[Any], reverse: bool) -> tuple[Any, list[Any]]:
    """One row (T, I) of its own length: outputs (T, H) and the last state."""
    outputs = []
    for step in x[::-1] if reverse else x:
        new = cell(step, tuple(state) if len(state) == 2 else state[0])
        state = list(new) if len(state) == 2 else [new]
        outputs.append(state[0])
    return jnp.stack(outputs[::-1] if reverse else outputs), state


def differentiate(case: Case, numbers: Record, arrays: Any, forward: Any) -> Record:
    """The record of `forward(arrays, x, states)`, gradients by jax."""
    states = {name: jnp.asarray(numbers[name]) for name in (f"{letter}_0" for letter in case.letters)}

    def loss(arrays: Any, x: Any, states: Any) -> Any:
        results = forward(arrays, x, states)
        return sum((result * numbers[f"d_{name}"]).sum() for name, result in results.items()), results

    gradient = jax.value_and_grad(loss, argnums=(0, 1, 2), has_aux=True)
    arguments = jax.tree.map(jnp.asarray, arrays), jnp.asarray(numbers["x"]), states
    (_, results), (d_arrays, d_x, d_states) = gradient(*arguments)
    return {
        **numbers,
        **{name: np.asarray(result) for name, result in results.items()},
        **{"d_x": np.asarray(d_x)},
        **{f"d_{name}": np.asarray(d_state) for name, d_state in d_states.items()},
        **flat("arrays", arrays),
        **flat("d_arrays", d_arrays),
    }
