"""The floor: the matrix products of a case and nothing else, in each of the two libraries.

No activation, no state, no gradient that adds up: x W_ihᵀ for all steps at once, h W_hhᵀ step by step, and
in training the products that the way back needs, hoisted as far as they can be:

    forward     W_ih xᵀ (all rows)      W_hh hᵀ (each step)      W_hr mᵀ (each step, where h is projected)
    backward    d_aᵀ x, d_aᵀ h, d_a W_ih (all rows)              d_a W_hh (each step)
                d_hᵀ m (all rows)                                d_h W_hr (each step)

Both ways to lay arrays out are tried, rows first and features first, and the faster one is the floor. It is
no bound on what is possible: a library may keep weights in a form of its own between steps.
"""

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from benchmarks.cases import Case
from benchmarks.contenders.contender import Contender, Prepared


class Product(NamedTuple):
    """(m, k) times (k, n)."""

    m: int
    k: int
    n: int

    @property
    def flops(self) -> int:
        """A multiplication and an addition each."""
        return 2 * self.m * self.k * self.n


def products(case: Case) -> list[Product]:
    """All of a case, rows first: their sizes are those of flops.py."""
    g, i, p, h = case.gate_rows, case.size.inputs, case.width, case.size.hidden
    sizes = case.batch_sizes
    rows = sum(sizes)
    all_steps, each_step = [Product(rows, i, g)], [(p, g)]
    if case.proj:
        each_step.append((h, p))
    if case.training:
        all_steps += [Product(g, rows, i), Product(g, rows, p), Product(rows, g, i)]
        each_step.append((g, p))
        if case.proj:
            all_steps.append(Product(p, rows, h))
            each_step.append((p, h))
    return all_steps + [Product(n, k, m) for k, m in each_step for n in sizes]


class Floor(Contender):
    """The products in NumPy or in torch."""

    is_floor = True

    def __init__(self, name: str, library: str) -> None:
        super().__init__(name)
        self.library = library
        self.devices = ("cpu", "cuda") if library == "torch" else ("cpu",)

    def prepare(self, case: Case) -> Prepared:
        """The faster of two layouts; where time is measured on the device itself, rows first."""
        matmul, full = _numpy(case) if self.library == "numpy" else _torch(case)
        steps = [partial(_run, matmul, _operands(full, products(case), turned)) for turned in (False, True)]
        return Prepared(steps[0] if case.device != "cpu" else min(steps, key=_quickest))


Full = Callable[[tuple[int, int]], Any]
"""Makes an array of a shape."""


def _operands(full: Full, sizes: Sequence[Product], turned: bool) -> list[tuple[Any, Any, Any]]:
    """(a, b, out) of each product; turned, (bᵀ, aᵀ, outᵀ). Products of one size share b, the weights of all
    steps, and the place of their result; each has an a of its own.
    """

    def array(rows: int, columns: int) -> Any:
        return full((columns, rows) if turned else (rows, columns))

    shared = {size: (array(size.k, size.n), array(size.m, size.n)) for size in dict.fromkeys(sizes)}
    found = []
    for size in sizes:
        a, (b, out) = array(size.m, size.k), shared[size]
        found.append((b, a, out) if turned else (a, b, out))
    return found


def _run(matmul: Callable[..., Any], operands: Sequence[tuple[Any, Any, Any]]) -> None:
    for a, b, out in operands:
        matmul(a, b, out=out)


def _quickest(step: Callable[[], None]) -> float:
    def once() -> float:
        start = perf_counter()
        step()
        return perf_counter() - start

    return min(once() for _ in range(4))


def _numpy(case: Case) -> tuple[Callable[..., Any], Full]:
    return np.dot, partial(np.full, fill_value=0.5, dtype=case.dtype)


def _torch(case: Case) -> tuple[Callable[..., Any], Full]:
    torch: Any = import_module("torch")
    torch.backends.cuda.matmul.allow_tf32 = case.tf32
    dtype = getattr(torch, case.dtype)
    return torch.mm, partial(torch.full, fill_value=0.5, dtype=dtype, device=case.device)
