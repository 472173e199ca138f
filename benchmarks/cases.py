"""The cases: what is computed, and the lists of cases that are run.

A case fixes everything except the contender: cell, mode, padded or packed, precision, sizes, layers,
directions and device.

Axes (scratch_rnn/notation.py): T steps, N rows, I inputs, H hidden, P width of h, G gate rows, D directions,
S states (layers · D).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np

from scratch_rnn.notation import GATES
from scratch_rnn.parameters import Sizes

CELLS = ("rnn", "gru", "lstm")
MODES = ("training", "inference", "forward", "backward")
"""training: forward and backward. forward: the forward pass of training, with what backward needs saved.
backward: the backward pass alone.
"""
LAYOUTS = ("padded", "packed")
DTYPES = ("float32", "float64", "float16", "bfloat16")
TF32 = {"off": False, "on": True}


class Size(NamedTuple):
    """(T, N, I, H)."""

    steps: int
    rows: int
    inputs: int
    hidden: int

    def __str__(self) -> str:
        return ",".join(map(str, self))


SEVEN = (
    Size(50, 1, 64, 64),
    Size(50, 32, 64, 64),
    Size(100, 32, 128, 128),
    Size(100, 64, 256, 256),
    Size(50, 64, 512, 512),
    Size(7, 505, 5, 10),
    Size(35, 20, 200, 200),
)
"""One row, small, middling, large, wide, many short rows, a language model."""
SIZES = (*SEVEN, Size(100, 64, 512, 512))
SOME, QUICK = (SEVEN[1], SEVEN[3], SEVEN[6]), SEVEN[1]
"""The sizes of the less common forms; the size of --quick and of the ladder."""
FLASH_RNN = Size(1024, 16, 768, 768)
"""The size of one head, as FlashRNN's authors time it (github.com/NX-AI/flashrnn, arXiv:2412.07752)."""
LARGE = (Size(1000, 32, 256, 256), Size(50, 128, 1024, 1024), FLASH_RNN)
"""Long, wide, and FlashRNN's: for a GPU."""
SWEEPS = {
    "T": tuple(Size(steps, 32, 64, 64) for steps in (10, 30, 100, 300, 1000, 3000, 10000)),
    "H": tuple(Size(50, 32, hidden, hidden) for hidden in (16, 32, 64, 128, 256, 512, 1024, 2048)),
}


@dataclass(frozen=True)
class Case:
    """One computation. `proj` is the width of a projected h, 0 where h is not projected."""

    cell: str
    mode: str
    size: Size
    layout: str = "padded"
    dtype: str = "float32"
    proj: int = 0
    device: str = "cpu"
    tf32: bool = False
    layers: int = 1
    bidirectional: bool = False

    @property
    def has_grads(self) -> bool:
        """Whether the outcome has the gradients of x, of the first state and of every parameter."""
        return self.mode in ("training", "backward")

    @property
    def sizes(self) -> Sizes:
        """What scratch_rnn.parameters needs to know."""
        inputs, hidden = self.size[2:]
        return Sizes(self.cell, inputs, hidden, self.layers, True, self.bidirectional, self.proj)

    @property
    def layer_options(self) -> dict[str, int | bool]:
        """The arguments of a layer's class that are not at their default."""
        found: dict[str, int | bool] = {"proj_size": self.proj} if self.proj else {}
        if self.layers > 1:
            found["num_layers"] = self.layers
        return found | ({"bidirectional": True} if self.bidirectional else {})

    @property
    def plain(self) -> bool:
        """One padded layer in one direction, h not projected."""
        return self.layout == "padded" and not self.layer_options

    @property
    def width(self) -> int:
        """P."""
        return self.sizes.output_size

    @property
    def gate_rows(self) -> int:
        """G."""
        return len(GATES[self.cell]) * self.size.hidden

    @property
    def state_widths(self) -> dict[str, int]:
        """The letters of the state and their widths."""
        return {"h": self.width} | ({"c": self.size.hidden} if self.cell == "lstm" else {})

    @property
    def input_widths(self) -> list[int]:
        """The width of what each direction of each layer reads, S in all."""
        directions = self.sizes.directions
        later = [directions * self.width] * (self.layers - 1)
        return [width for width in (self.size.inputs, *later) for _ in range(directions)]

    @property
    def lengths(self) -> list[int]:
        """The number of steps of each row: T if padded; from T down to about T/2 if packed."""
        if self.layout == "padded":
            return [self.size.steps] * self.size.rows
        return np.linspace(self.size.steps, self.size.steps // 2 + 1, self.size.rows).astype(int).tolist()

    @property
    def batch_sizes(self) -> list[int]:
        """The number of rows that have a step t, for each t."""
        return [sum(length > t for length in self.lengths) for t in range(self.size.steps)]

    @property
    def form(self) -> str:
        """All but the size, in words."""
        words = [self.cell.upper(), self.mode, self.layout]
        words += [f"{self.layers} layers"] if self.layers > 1 else []
        words += ["bidirectional"] if self.bidirectional else []
        words += ["projected"] if self.proj else []
        return " ".join([*words, self.dtype, *(["TF32"] if self.tf32 else [])])

    def __str__(self) -> str:
        return f"{self.form} {self.size}"


class Selection(NamedTuple):
    """What the user chose; an empty choice means the most common form."""

    cells: Sequence[str] = ()
    modes: Sequence[str] = ()
    layouts: Sequence[str] = ()
    dtypes: Sequence[str] = ()
    sizes: Sequence[Size] = ()
    projected: bool = False
    layers: int = 1
    bidirectional: bool = False
    tf32: Sequence[bool] = ()
    device: str = "cpu"


def select(chosen: Selection) -> list[Case]:
    """Every combination of what was chosen."""
    rest = chosen.layers, chosen.bidirectional
    found = [
        Case(cell, mode, size, layout, dtype, size.hidden // 2 * chosen.projected, chosen.device, tf32, *rest)
        for cell, layout, dtype, tf32, size, mode in product(
            chosen.cells or (("lstm",) if chosen.projected else CELLS),
            chosen.layouts or LAYOUTS[:1],
            chosen.dtypes or DTYPES[:1],
            chosen.tf32 or (False,),
            chosen.sizes or SIZES,
            chosen.modes or MODES[:2],
        )
        if dtype == "float32" or not tf32
    ]
    return list(dict.fromkeys(found))


def whole(device: str) -> list[Case]:
    """The cases of a run without options: padded layers at all sizes; on a GPU in four precisions."""
    if device == "cpu":
        return [*select(Selection()), *select(Selection(cells=["lstm"], dtypes=["float64"], sizes=SOME))]
    common = Selection(sizes=(SIZES[1], SIZES[-1]), device=device)
    half = select(common._replace(dtypes=["float16", "bfloat16"]))
    return [*select(common._replace(tf32=[False, True])), *half]


def forms(device: str) -> list[Case]:
    """The less common forms: packed, projected, two layers, bidirectional, forward and backward apart; on a
    GPU also large sizes.
    """
    common = Selection(sizes=SOME if device == "cpu" else SOME[1:2], device=device)
    parts = [common._replace(layouts=["packed"]), common._replace(projected=True), common._replace(layers=2)]
    parts += [common._replace(bidirectional=True), common._replace(modes=["forward", "backward"])]
    if device == "cuda":
        large = common._replace(cells=["lstm"], dtypes=["float32", "float16"], sizes=LARGE)
        flash = large._replace(modes=["forward", "training"], dtypes=["bfloat16"], sizes=[FLASH_RNN])
        parts += [large, flash]
    return list(dict.fromkeys(case for part in parts for case in select(part)))
