"""One description of all that a recurrent layer can be asked to do, and the numbers to ask it with.

Sizes differ pairwise, nothing is left at zero, and a gradient arrives wherever the case says: a transposed
weight, a forgotten bias or two swapped states then cannot stay hidden.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from hypothesis import strategies as st
from numpy import ndarray

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "rnn_tanh": ("RNN", {"nonlinearity": "tanh"}),
    "rnn_relu": ("RNN", {"nonlinearity": "relu"}),
    "lstm": ("LSTM", {}),
    "gru": ("GRU", {}),
}
"""Name of a case's kind -> (the class in all three trees, what else its constructor is given)."""


@dataclass(frozen=True)
class Case:
    """One layer, one input, and where gradients arrive."""

    kind: str
    steps: int = 5
    rows: int | None = 3  # None: a single sequence without a batch axis
    inputs: int = 4
    hidden: int = 6
    layers: int = 1
    bidirectional: bool = False
    bias: bool = True
    batch_first: bool = False
    proj: int = 0
    lengths: tuple[int, ...] | None = None  # None: not packed
    enforce_sorted: bool = False
    state: bool = True  # False: the first state is left out
    memory: str = "contiguous"  # or "strided", "expanded"
    arrives: tuple[str, ...] = ("output", "h_n", "c_n")  # where a gradient arrives
    calls: int = 1  # more than one: each carries the last one's state on
    seed: int = 0
    dtype: str = "float64"

    @property
    def name(self) -> str:
        """The class of this kind, called the same everywhere."""
        return KINDS[self.kind][0]

    @property
    def arguments(self) -> dict[str, Any]:
        """What every tree's constructor is given."""
        names = ("input_size", "hidden_size", "num_layers", "bidirectional", "bias", "batch_first")
        values = (self.inputs, self.hidden, self.layers, self.bidirectional, self.bias, self.batch_first)
        projection = {"proj_size": self.proj} if self.proj else {}
        return dict(zip(names, values, strict=True)) | projection | KINDS[self.kind][1]

    @property
    def states(self) -> tuple[str, ...]:
        """The letters of the state."""
        return ("h", "c") if self.kind == "lstm" else ("h",)

    @property
    def directions(self) -> int:
        """D."""
        return 2 if self.bidirectional else 1

    def sequence_shape(self, width: int) -> tuple[int, ...]:
        """An input or an output as the caller lays it out (padded, where it is packed)."""
        if self.rows is None:
            return self.steps, width
        axes = (self.rows, self.steps) if self.batch_first else (self.steps, self.rows)
        return *axes, width

    def state_shape(self, letter: str) -> tuple[int, ...]:
        """A state as the caller lays it out."""
        width = (self.proj or self.hidden) if letter == "h" else self.hidden
        batch = () if self.rows is None else (self.rows,)
        return self.directions * self.layers, *batch, width

    def pack(self, x: Any, library: Any) -> Any:
        """An input as the layer gets it: packed by `library`'s functions, or as it is."""
        if self.lengths is None:
            return x
        return library.pack_padded_sequence(
            x, np.array(self.lengths), batch_first=self.batch_first, enforce_sorted=self.enforce_sorted
        )

    def pad(self, y: Any, library: Any) -> Any:
        """What the layer gave back, padded to all `steps`."""
        if self.lengths is None:
            return y
        return library.pad_packed_sequence(y, batch_first=self.batch_first, total_length=self.steps)[0]


class Data(NamedTuple):
    """All numbers of a case."""

    params: dict[str, ndarray]
    xs: list[ndarray]  # one a call
    states: dict[str, ndarray]
    d_outputs: list[ndarray]
    d_states: dict[str, ndarray]


def make_data(case: Case) -> Data:
    """The same numbers for the same case, none of them zero, NaN in the padding."""
    rng = np.random.default_rng(case.seed)

    def normal(shape: tuple[int, ...], scale: float = 1.0) -> ndarray:
        return (scale * rng.normal(size=shape)).astype(case.dtype)

    shapes = getattr(torch.nn, case.name)(**case.arguments, device="meta").state_dict()
    params = {name: normal(tuple(p.shape), 0.5) for name, p in shapes.items()}
    xs = [normal(case.sequence_shape(case.inputs)) for _ in range(case.calls)]
    states = {letter: normal(case.state_shape(letter)) for letter in case.states}
    if case.memory == "expanded":
        xs = [np.broadcast_to(x[:1], x.shape).copy() for x in xs]
        states = {letter: np.broadcast_to(s[:1], s.shape).copy() for letter, s in states.items()}
    elif case.lengths is not None:
        padding = np.arange(case.steps)[:, None] >= np.array(case.lengths)
        for x in xs:
            x[padding.T if case.batch_first else padding] = np.nan
    width = case.directions * (case.proj or case.hidden)
    d_outputs = [normal(case.sequence_shape(width)) for _ in xs]
    d_states = {letter: normal(case.state_shape(letter)) for letter in case.states}
    return Data(params, xs, states, d_outputs, d_states)


def _shuffled(choices: Iterable[Any]) -> list[Any]:
    """Hypothesis prefers the first items of a long list; a random order favours no kind of case."""
    some = list(choices)
    random.Random(0).shuffle(some)
    return some


def _sizes(kind: str, layout: str) -> list[tuple[int, int | None, int, int, int]]:
    """(T, N, I, H, P) that differ pairwise, with T from 1 to 6 and N from 0 to 4; P = 0: no projection."""
    rows = {"unbatched": [None], "padded": [0, *range(1, 5), *range(1, 5)], "packed": range(1, 5)}[layout]
    projections = range(7) if kind == "lstm" else [0]
    sizes = product(range(1, 7), rows, range(1, 8), range(1, 9), projections)
    return _shuffled(
        s for s in sizes if len(set(s[:4])) == 4 and (s[4] == 0 or (s[4] < s[3] and s[4] not in s[:3]))
    )


LAYOUTS = ("padded", "unbatched", "packed")
SIZES = {(kind, layout): _sizes(kind, layout) for kind in KINDS for layout in LAYOUTS}
OPTIONS = {
    "layers": (1, 2, 3),
    "bidirectional": (False, True),
    "bias": (True, False),
    "batch_first": (False, True),
    "state": (True, False),
    "memory": ("contiguous", "strided", "expanded"),
    "arrives": (("output", "h_n", "c_n"), ("output",), ("h_n",), ("c_n",)),
    "calls": (1, 2),
}
ONE_STEP: dict[str, Any] = {
    **{"layout": "padded", "steps": 1, "layers": 1, "bidirectional": False, "batch_first": False, "calls": 1},
    **{"arrives": ("h_n", "c_n"), "memory": "contiguous", "state": True},
}
"""What is fixed where a layer is one step of its cell."""
CHOICES = _shuffled(product(*OPTIONS.values()))


@st.composite
def layer_cases(draw: st.DrawFn, /, kind: str, layout: str, **fixed: Any) -> Case:
    """Any case of this kind and layout; `fixed` says what is not drawn.

    Few draws from long lists: hypothesis then spreads its examples evenly over all combinations.
    """
    options = dict(zip(OPTIONS, draw(st.sampled_from(CHOICES)), strict=True))
    if kind != "lstm" and options["arrives"] == ("c_n",):
        options["arrives"] = ("output", "h_n")
    steps, rows, inputs, hidden, proj = draw(st.sampled_from(SIZES[kind, layout]))
    if layout == "packed":
        some = draw(st.sampled_from(_shuffled(product(range(1, steps + 1), repeat=rows or 0))))
        options["enforce_sorted"] = draw(st.booleans())
        options["lengths"] = tuple(sorted(some, reverse=True)) if options["enforce_sorted"] else some
    sizes = {"steps": steps, "rows": rows, "inputs": inputs, "hidden": hidden, "proj": proj}
    return Case(kind, seed=draw(st.integers(0, 1000)), **{**sizes, **options, **fixed})
