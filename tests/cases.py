"""Strategies of hypothesis: any case that a layer, a cell or the seq2seq model can be asked to do."""

import random
from collections.abc import Iterable
from itertools import product
from typing import Any

from hypothesis import strategies as st

from scratch_rnn.parity import seq2seq
from scratch_rnn.parity.cases import KINDS, Case


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
    "dropout": (0.0, 0.5),
}
CHOICES = _shuffled(product(*OPTIONS.values()))
ONE_STEP: dict[str, Any] = {
    **{"layout": "padded", "steps": 1, "layers": 1, "bidirectional": False, "batch_first": False, "calls": 1},
    **{"arrives": ("h_n", "c_n"), "memory": "contiguous", "state": True},
}
"""What is fixed where a layer is one step of its cell."""
CELL_SIZES = _shuffled(
    sizes for sizes in product([None, *range(5)], range(1, 8), range(1, 9)) if len(set(sizes)) == 3
)


@st.composite
def layer_cases(draw: st.DrawFn, /, kind: str, layout: str, **fixed: Any) -> Case:
    """Any case of this kind and layout; `fixed` says what is not drawn.

    Few draws from long lists: hypothesis then spreads its examples evenly over all combinations.
    """
    options = dict(zip(OPTIONS, draw(st.sampled_from(CHOICES)), strict=True)) | fixed
    if kind != "lstm" and options["arrives"] == ("c_n",):
        options["arrives"] = ("output", "h_n")
    if options["layers"] == 1:
        options["dropout"] = 0.0
    steps, rows, inputs, hidden, proj = draw(st.sampled_from(SIZES[kind, layout]))
    if layout == "packed":
        some = draw(st.sampled_from(_shuffled(product(range(1, steps + 1), repeat=rows or 0))))
        options["enforce_sorted"] = draw(st.booleans())
        options["lengths"] = tuple(sorted(some, reverse=True)) if options["enforce_sorted"] else some
    sizes = {"steps": steps, "rows": rows, "inputs": inputs, "hidden": hidden, "proj": proj}
    return Case(kind, seed=draw(st.integers(0, 1000)), **sizes | options)


@st.composite
def cell_cases(draw: st.DrawFn, /, kind: str) -> Case:
    """Any case of a cell: up to three steps; a batch, also without rows, or one row without a batch axis."""
    rows, inputs, hidden = draw(st.sampled_from(CELL_SIZES))
    options = dict(zip(OPTIONS, draw(st.sampled_from(CHOICES)), strict=True))
    chosen = {name: options[name] for name in ("bias", "state", "memory")}
    sizes = {"rows": rows, "inputs": inputs, "hidden": hidden, "calls": options["layers"]}
    return Case(kind, cell=True, seed=draw(st.integers(0, 1000)), **sizes | chosen)


SEQ2SEQ = {
    "cell": ("rnn", "lstm", "gru"),
    "layers": (1, 2, 3),
    "bidirectional": (False, True),
    "teacher_forcing": (1.0, 0.5, 0.0),
    "divide_by": (None, "tokens", 7, 2.5),
    "truncate": (None, 1, 2, 3),
}
SEQ2SEQ_CHOICES = _shuffled(product(*SEQ2SEQ.values()))


@st.composite
def seq2seq_cases(draw: st.DrawFn) -> seq2seq.Case:
    """Any case of the seq2seq model."""
    rows = draw(st.integers(1, 4))
    lengths = st.lists(st.integers(1, 5), min_size=rows, max_size=rows).map(tuple)
    options: dict[str, Any] = dict(zip(SEQ2SEQ, draw(st.sampled_from(SEQ2SEQ_CHOICES)), strict=True))
    options |= {"source_lengths": draw(lengths), "target_lengths": draw(lengths)}
    return seq2seq.Case(seed=draw(st.integers(0, 99)), **options)
