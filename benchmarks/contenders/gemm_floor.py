"""The floor on a CPU: the matrix products of a case and nothing else, in NumPy or in torch.

No activation, no state, no sum of gradients; timing/flops.py lists the products.

Both memory layouts are tried, rows first and features first, and the faster one is the floor. It is not a
bound on what is possible: a library may keep weights in a packed form between steps. On a GPU the share of
the peak rate of large products is printed instead (timing/gpu.py), as a small product costs its launch.
"""

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from timeit import repeat
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.contenders.contender import Contender, Prepared
from benchmarks.timing.flops import Product, products


class Floor(Contender):
    """The products in NumPy or in torch."""

    is_floor = True

    def __init__(self, name: str, library: str) -> None:
        super().__init__(name)
        self.library = library

    def prepare(self, case: Case) -> Prepared:
        """The faster of the two layouts."""
        torch: Any = import_module("torch") if self.library == "torch" else None
        matmul = np.dot if torch is None else torch.mm
        rng = np.random.default_rng(0)

        def array(shape: tuple[int, int]) -> Any:
            made = rng.standard_normal(shape).astype(case.dtype)
            return made if torch is None else torch.from_numpy(made)

        steps = [partial(_run, matmul, _operands(array, products(case), turned)) for turned in (False, True)]
        return Prepared(min(steps, key=lambda step: min(repeat(step, number=1, repeat=4))))


def _operands(array: Callable[[tuple[int, int]], Any], sizes: Sequence[Product], turned: bool) -> list[Any]:
    """(a, b, out) of each product; turned, (bᵀ, aᵀ, outᵀ). Products of one size share b, the weights of all
    steps, and the memory of their result; each has its own a.
    """

    def make(rows: int, columns: int) -> Any:
        return array((columns, rows) if turned else (rows, columns))

    shared = {size: (make(size.k, size.n), make(size.m, size.n)) for size in dict.fromkeys(sizes)}
    found = []
    for size in sizes:
        a, (b, out) = make(size.m, size.k), shared[size]
        found.append((b, a, out) if turned else (a, b, out))
    return found


def _run(matmul: Callable[..., Any], operands: Sequence[tuple[Any, Any, Any]]) -> None:
    for a, b, out in operands:
        matmul(a, b, out=out)
