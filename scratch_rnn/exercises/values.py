"""Values of any form, compared: arrays, numbers, and tuples, lists and dictionaries of them."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy import ndarray
from torch import Tensor

BOUND = 1e-10
"""The largest allowed difference, relative to the largest entry (or to 1, where that is larger)."""


def arrays(value: Any) -> list[ndarray]:
    """Every array and number in a value, in its order; other objects are left out."""
    if isinstance(value, ndarray | np.generic | float | int | Tensor):
        return [np.asarray(value)]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [a for each in value for a in arrays(each)] if isinstance(value, tuple | list | range) else []


def difference(value: Any, expected: Any) -> str | None:
    """In words how a value differs from what is expected; None where it does not."""
    ours, right = arrays(value), arrays(expected)
    shapes = [[a.shape for a in each] for each in (ours, right)]
    if shapes[0] != shapes[1]:
        texts = (", ".join(map(str, each)) or "None" for each in shapes)
        return "missing" if value is None else "shape {}, not {}".format(*texts)
    for a, b in zip(ours, right, strict=True):
        differs = ~((a == b) | (np.isnan(a) & np.isnan(b)))
        error = np.abs(a[differs].astype(float) - b[differs]).max(initial=0.0)
        if not error <= BOUND * np.abs(b[np.isfinite(b)]).max(initial=1.0):
            return f"off by {error:.2g}" if b.ndim else f"{a}, not {b}"
    return None


def leaves(value: Any, names: Any = None, name: str = "the result") -> Iterator[tuple[str, Any]]:
    """The named parts of a result: by its `return` (`names`, a tree) where known, else by field or key."""
    if isinstance(value, tuple):
        parts = names if isinstance(names, tuple) and len(names) == len(value) else [None] * len(value)
        fields = getattr(value, "_fields", [name] * len(value))
        for part, field, each in zip(parts, fields, value, strict=True):
            yield from leaves(each, part, part if isinstance(part, str) else field)
    elif isinstance(value, Mapping):
        yield from value.items()
    else:
        yield name, value


def wrong_leaves(value: Any, expected: Any, names: Any = None) -> str:
    """The names of the parts that differ, separated by commas; a list of another length is to be filled."""
    ours, right, wrong = list(leaves(value, names)), list(leaves(expected, names)), dict[str, None]()
    if [name for name, _ in ours] != [name for name, _ in right]:  # a cache of the reader's own
        right = [(name, dict(right).get(name, each)) for name, each in ours]
    for (name, each), (_, other) in zip(ours, right, strict=True):
        filled = isinstance(each, list) and len(arrays(each)) != len(arrays(other))
        if not filled and difference(each, other):
            wrong[name] = None
    return ", ".join(wrong)
