"""The numbers of a case: input, first state, weights, and the gradients that arrive from above.

Every contender, in whatever process, draws the same ones: they come from a fixed seed, by NumPy, and are
rounded to the case's precision before anyone sees them, the oracle included.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from benchmarks.cases import Case
from scratch_rnn.parameters import cell_shapes


class Data(NamedTuple):
    """Padded arrays, time first; where a case is packed, what lies in the padding is never read.

    d_output is laid out as rows (R, P), the way packed sequences are.
    """

    x: ndarray
    states: dict[str, ndarray]
    params: dict[str, ndarray]
    d_output: ndarray
    d_states: dict[str, ndarray]


def make_data(case: Case, seed: int = 0) -> Data:
    """Weights as torch initialises them, U(-1/√H, 1/√H); everything else standard normal."""
    rng, (steps, rows, inputs, hidden) = np.random.default_rng(seed), case.size
    widths = {"h": case.width, "c": hidden}

    def normal(*shape: int) -> ndarray:
        return rounded(rng.standard_normal(shape), case.dtype)

    shapes = cell_shapes(case.cell, inputs, hidden, bias=True, proj_size=case.proj)
    bound = hidden**-0.5
    return Data(
        x=normal(steps, rows, inputs),
        states={letter: normal(1, rows, widths[letter]) for letter in case.states},
        params={
            f"{name}_l0": rounded(rng.uniform(-bound, bound, s), case.dtype) for name, s in shapes.items()
        },
        d_output=normal(sum(case.batch_sizes), case.width),
        d_states={letter: normal(1, rows, widths[letter]) for letter in case.states},
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
    parts = state if len(case.states) > 1 else [state]
    return {f"{prefix}{letter}{suffix}": part for letter, part in zip(case.states, parts, strict=True)}
