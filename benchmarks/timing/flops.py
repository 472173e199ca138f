"""The arithmetic of a case: the multiplications and additions of its matrix products, nothing else.

    forward     W_ih xᵀ (all rows)      W_hh hᵀ (each step)      W_hr mᵀ (each step, if h is projected)
    backward    d_aᵀ x, d_aᵀ h, d_a W_ih (all rows)              d_a W_hh (each step)
                d_hᵀ m (all rows)                                d_h W_hr (each step)

Axes (scratch_rnn/notation.py): G gate rows, I inputs, P width of h, H hidden.
"""

from typing import NamedTuple

from benchmarks.cases import Case


class Product(NamedTuple):
    """(m, k) times (k, n)."""

    m: int
    k: int
    n: int

    @property
    def flops(self) -> int:
        """One multiplication and one addition per term."""
        return 2 * self.m * self.k * self.n


def products(case: Case) -> list[Product]:
    """All products of one step in the mode of the case, rows first, outside the loop where possible."""
    g, p, h, sizes = case.gate_rows, case.width, case.size.hidden, case.batch_sizes
    rows, all_steps, each_step = sum(sizes), list[Product](), list[tuple[int, int]]()
    for width in case.input_widths:
        if case.mode != "backward":
            all_steps.append(Product(rows, width, g))
            each_step += [(p, g), (h, p)] if case.proj else [(p, g)]
        if case.has_grads:
            all_steps += [Product(g, rows, width), Product(g, rows, p), Product(rows, g, width)]
            each_step.append((g, p))
            if case.proj:
                all_steps.append(Product(p, rows, h))
                each_step.append((p, h))
    return all_steps + [Product(n, k, m) for k, m in each_step for n in sizes]


def flops(case: Case) -> int:
    """Of one step in the mode of the case.

    >>> from benchmarks.cases import Size
    >>> flops(Case("rnn", "inference", Size(5, 2, 3, 4)))  # 10 rows, 2·4·(3 + 4) each
    560
    """
    return sum(product.flops for product in products(case))
