"""The numbers of a case: input, first state, weights, and the gradients of outputs and last state.

Every contender, in whatever process, draws the same ones: they come from a fixed seed by NumPy and are
rounded to the case's precision before any contender, or the oracle, gets them.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from benchmarks.cases import Case
from scratch_rnn.parameters import stack_shapes


class Data(NamedTuple):
    """Padded arrays, time first; if the case is packed, padding is never read.

    d_output has the layout of packed data, (R, D·P); states are (S, N, ·).
    """

    x: ndarray
    states: dict[str, ndarray]
    params: dict[str, ndarray]
    d_output: ndarray
    d_states: dict[str, ndarray]


def make_data(case: Case, seed: int = 0) -> Data:
    """Weights as torch initialises them, U(-1/√H, 1/√H); everything else standard normal."""
    rng, (steps, rows, inputs, hidden) = np.random.default_rng(seed), case.size
    count, directions = len(case.input_widths), case.sizes.directions

    def normal(*shape: int) -> ndarray:
        return rounded(rng.standard_normal(shape), case.dtype)

    def states() -> dict[str, ndarray]:
        return {letter: normal(count, rows, width) for letter, width in case.state_widths.items()}

    bound, shapes = hidden**-0.5, stack_shapes(case.sizes)
    return Data(
        x=normal(steps, rows, inputs),
        states=states(),
        params={name: rounded(rng.uniform(-bound, bound, s), case.dtype) for name, s in shapes.items()},
        d_output=normal(sum(case.batch_sizes), directions * case.width),
        d_states=states(),
    )


def rounded(array: ndarray, dtype: str) -> ndarray:
    """To a precision; NumPy has no bfloat16, which is float32 without its last 16 bits."""
    if dtype != "bfloat16":
        return array.astype(dtype)
    bits = array.astype(np.float32).view(np.uint32)
    even = ((bits >> np.uint32(16)) & np.uint32(1)) + np.uint32(0x7FFF)
    return ((bits + even) & np.uint32(0xFFFF0000)).view(np.float32)


def as_state(parts: dict[str, Any]) -> Any:
    """One array alone, or a tuple, as layers take it."""
    return tuple(parts.values()) if len(parts) > 1 else next(iter(parts.values()))


def named_states(case: Case, prefix: str, suffix: str, state: Any) -> dict[str, Any]:
    """The reverse: h_n, c_n or d_h_0, d_c_0."""
    letters = list(case.state_widths)
    parts = state if len(letters) > 1 else [state]
    return {f"{prefix}{letter}{suffix}": part for letter, part in zip(letters, parts, strict=True)}
