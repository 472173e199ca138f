"""The NumPy layers' gradients against complex steps: a check that needs neither torch nor an oracle.

For a real-analytic f, f(x + ihv) = f(x) + ih J v + O(h²). The imaginary part over h is J v to the last digit,
because no two nearby numbers are subtracted; h can be 1e-30. Then, for a random cotangent d_y and tangent v,

    ⟨d_y, J v⟩ = ⟨Jᵀ d_y, v⟩

with Jᵀ d_y the gradient that the backward pass gives. f is the engine "steps"; the gradient may be that of any
engine.
"""

from typing import Any

import numpy as np
from numpy import ndarray

from scratch_rnn import numpy_bptt
from scratch_rnn.numpy_bptt import stack
from scratch_rnn.parity.cases import Case, Data, make_data
from scratch_rnn.parity.comparison import Result, arriving, numpy_layer

H = 1e-30


def worst_error(case: Case, result: Result) -> float:
    """The largest |⟨d_y, J v⟩ - ⟨gradient, v⟩| of any argument, over the sum of the absolute products.

    `case` has one call, no ReLU and no dropout; `result` is what scratch_rnn.parity.comparison.run gives for it.
    """
    data = make_data(case)
    arguments = {"d_x0": data.xs[0]} | {f"d_{name}": p for name, p in data.params.items()}
    if case.state:
        arguments |= {f"d_{letter}0": s for letter, s in data.states.items()}
    rng = np.random.default_rng(case.seed)
    errors = []
    for name, value in arguments.items():
        v = rng.normal(size=value.shape)
        forward = _products(case, data, {name: value + 1j * H * v})
        backward = np.where(np.isnan(value), 0, result[name] * v).ravel()
        scale = np.abs(forward).sum() + np.abs(backward).sum()
        errors.append(abs(forward.sum() - backward.sum()) / scale if scale else 0.0)
    return float(max(errors))


def _products(case: Case, data: Data, changed: dict[str, ndarray]) -> ndarray:
    """The entries of d_y ⊙ J v: the imaginary parts of all outputs times their cotangents, over h."""
    layer = numpy_layer(case)
    x = changed.get("d_x0", data.xs[0])
    layout = layer._layout(case.pack(x.real, numpy_bptt), "input", case.inputs)
    rows = layout.to_rows(case.pack(x, numpy_bptt))
    params = [
        type(p)(*(changed.get(f"d_{field}{suffix}", value) for field, value in p._asdict().items()))
        for p, suffix in zip(layer._params, _suffixes(case), strict=True)
    ]
    given = {k: changed.get(f"d_{k}0", s if case.state else np.zeros_like(s)) for k, s in data.states.items()}
    states = [layer.cell.State(*arrays) for arrays in zip(*map(layout.to_state, given.values()), strict=True)]
    masks = [None] * case.layers
    output, states_n, _ = stack.forward(
        layer._engine, rows, layout.batch_sizes, states, params, masks, keep=False
    )
    d_outputs, d_states = arriving(case, data)
    pairs: list[tuple[Any, Any]] = [(case.pad(layout.from_rows(output), numpy_bptt), (d_outputs or [0.0])[0])]
    for n, letter in enumerate(case.states):
        state_n = layout.from_state(np.stack([state[n] for state in states_n]))
        pairs.append((state_n, 0.0 if d_states[letter] is None else d_states[letter]))
    return np.concatenate([(y.imag / H * d).ravel() for y, d in pairs])


def _suffixes(case: Case) -> list[str]:
    directions = ("", "_reverse")[: case.directions]
    return [f"_l{layer}{direction}" for layer in range(case.layers) for direction in directions]
