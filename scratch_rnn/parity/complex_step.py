"""Gradients against complex steps: a check that needs neither torch nor another oracle.

For a real-analytic f, f(x + ihv) = f(x) + ih J v + O(h²). The imaginary part over h is J v to the last digit,
because no two nearby numbers are subtracted; h can be 1e-30. Then, for a random tangent v and cotangents d_y,
⟨d_y, J v⟩ = ⟨Jᵀ d_y, v⟩, with Jᵀ d_y the gradient that the backward pass gives, one argument at a time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy import ndarray

H = 1e-30


def errors(
    f: Callable[[Mapping[str, ndarray]], Sequence[ndarray]],
    arguments: Mapping[str, ndarray],
    d_ys: Sequence[ndarray],
    grads: Mapping[str, ndarray],
    seed: int,
) -> Iterator[tuple[str, float]]:
    """(name, |⟨d_y, J v⟩ - ⟨gradient, v⟩| over the sum of all absolute products) for each argument.
    NaN where no result depends on the argument; NaN in an argument is padding. Infinite for a NaN gradient.
    """
    rng = np.random.default_rng(seed)
    for name, value in arguments.items():
        v = rng.normal(size=value.shape)
        ys = f({**arguments, name: value + 1j * H * v})
        forward = np.concatenate([(d * y.imag / H).ravel() for d, y in zip(d_ys, ys, strict=True)])
        backward = np.where(np.isnan(value), 0, grads[name] * v)
        scale = np.abs(forward).sum() + np.abs(backward).sum()
        error = abs(forward.sum() - backward.sum()) / scale if scale else np.nan
        yield name, float("inf") if np.isnan(scale) else float(error)
