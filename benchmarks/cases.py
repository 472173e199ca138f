"""What is computed: a case, and the lists of cases that are run.

A case fixes everything but who computes: which cell, forward alone or with the way back, padded or packed,
in which precision, how large, on which device.

Axes (scratch_rnn/notation.py): T steps, N rows, I inputs, H hidden, P width of h, G gate rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from scratch_rnn.notation import GATES

CELLS = ("rnn", "gru", "lstm")
WHATS = ("training", "inference")
LAYOUTS = ("padded", "packed")
DTYPES = ("float32", "float64", "float16", "bfloat16")


class Size(NamedTuple):
    """(T, N, I, H)."""

    steps: int
    rows: int
    inputs: int
    hidden: int

    def __str__(self) -> str:
        return ",".join(map(str, self))


SEVEN = tuple(
    Size(*size)
    for size in (
        (50, 1, 64, 64),
        (50, 32, 64, 64),
        (100, 32, 128, 128),
        (100, 64, 256, 256),
        (50, 64, 512, 512),
        (7, 505, 5, 10),
        (35, 20, 200, 200),
    )
)
"""One row, small, middling, large, wide, many short rows, a language model."""
SIZES = (*SEVEN, Size(100, 64, 512, 512))
SOME = (SEVEN[1], SEVEN[3], SEVEN[6])
"""Where the less common forms are measured: packed, projected, float64."""
QUICK = SEVEN[1]
"""Of a look, within two minutes on two cores, and of the ladder."""
SWEEPS = {
    "T": tuple(Size(steps, 32, 64, 64) for steps in (25, 50, 100, 200, 400)),
    "H": tuple(Size(50, 32, hidden, hidden) for hidden in (32, 64, 128, 256, 512)),
}


@dataclass(frozen=True)
class Case:
    """One thing to compute. `proj` is the width of a projected h, 0 where h is not projected."""

    cell: str
    what: str
    size: Size
    layout: str = "padded"
    dtype: str = "float32"
    proj: int = 0
    device: str = "cpu"
    tf32: bool = False

    @property
    def training(self) -> bool:
        """Forward and backward, with the gradients of x, of the first state and of every parameter."""
        return self.what == "training"

    @property
    def width(self) -> int:
        """P."""
        return self.proj or self.size.hidden

    @property
    def gate_rows(self) -> int:
        """G."""
        return len(GATES[self.cell]) * self.size.hidden

    @property
    def states(self) -> tuple[str, ...]:
        """The letters of the state."""
        return ("h", "c") if self.cell == "lstm" else ("h",)

    @property
    def lengths(self) -> list[int]:
        """How many steps each row has; falling, half of T at the least, where rows are packed."""
        if self.layout == "padded":
            return [self.size.steps] * self.size.rows
        return np.linspace(self.size.steps, self.size.steps // 2 + 1, self.size.rows).astype(int).tolist()

    @property
    def batch_sizes(self) -> list[int]:
        """How many rows have a step t."""
        return [sum(length > t for length in self.lengths) for t in range(self.size.steps)]

    @property
    def form(self) -> str:
        """All but the size, in words."""
        projected = ["projected"] if self.proj else []
        return " ".join([self.cell.upper(), self.what, self.layout, *projected, self.dtype])

    def __str__(self) -> str:
        return f"{self.form} {self.size}"


class Selection(NamedTuple):
    """What was asked for; an empty choice is no choice."""

    cells: Sequence[str] = ()
    whats: Sequence[str] = ()
    layouts: Sequence[str] = ()
    dtypes: Sequence[str] = ()
    sizes: Sequence[Size] = ()
    projected: bool = False


def select(chosen: Selection) -> list[Case]:
    """Every combination of what was chosen; where nothing was, the most common form."""
    forms = [
        Case(cell, what, size, layout, dtype, size.hidden // 2 if chosen.projected else 0)
        for cell in chosen.cells or (("lstm",) if chosen.projected else CELLS)
        for layout in chosen.layouts or LAYOUTS[:1]
        for dtype in chosen.dtypes or DTYPES[:1]
        for size in chosen.sizes or SIZES
        for what in chosen.whats or WHATS
    ]
    return list(dict.fromkeys(forms))


def whole(device: str) -> list[Case]:
    """What is run where nothing was chosen: common forms at all sizes, others at some, and two sweeps."""
    sweeps = [size for sizes in SWEEPS.values() for size in sizes]
    parts = [
        Selection(),
        Selection(layouts=["packed"], sizes=SOME),
        Selection(projected=True, sizes=SOME),
        Selection(cells=["lstm"], dtypes=["float64"], sizes=SOME),
        Selection(whats=["training"], sizes=sweeps),
    ]
    if device == "cuda":
        parts.append(Selection(dtypes=["float16", "bfloat16"]))
    return list(dict.fromkeys(case for part in parts for case in select(part)))


def placed(cases: Iterable[Case], device: str, tf32: bool) -> list[Case]:
    """The same cases on a device."""
    return [replace(case, device=device, tf32=tf32) for case in cases]
