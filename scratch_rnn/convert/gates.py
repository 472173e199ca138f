"""What the converters share: how a framework keeps one cell, and its translation to torch's four arrays.

A cell is one direction of one layer. Frameworks differ in the order of the gates, in the arrays that hold
them (one for all gates, or one for each), in transposition, and in the number of biases.

Axes (scratch_rnn/notation.py): I input, H hidden, G gate rows.

    weight_ih (G, I)    weight_hh (G, H)    bias_ih (G,)    bias_hh (G,)
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike

from scratch_rnn import checks
from scratch_rnn.notation import GATES
from scratch_rnn.parameters import HasShape, Sizes, sizes_of, suffixes

Named = dict[str, ndarray]

LETTERS = {"rnn": "", "lstm": "cg", "gru": "hn"}
"""A gate's other letter, and torch's letter for it."""


class Layout(NamedTuple):
    """How a framework keeps one cell: the names of the arrays that hold each of torch's."""

    order: str  # of the gates, one letter each
    weight_ih: tuple[str, ...]
    weight_hh: tuple[str, ...]
    bias: tuple[str, ...]  # all gates: b_ih
    bias_hh: tuple[str, ...] = ()  # the gates `apart`, the last ones: b_hh; the other gates of b_hh are 0
    apart: str = ""
    transposed: bool = False  # weights are (I, G) and (H, G)


def restack(array: ndarray, kind: str, have: str, want: str) -> ndarray:
    """`array` with the gates along its first axis in the order `want`; they are in the order `have`.

    >>> restack(np.arange(6), "gru", have="zrh", want="rzn")
    array([2, 3, 0, 1, 4, 5])
    """
    have, want = _letters(kind, have), _letters(kind, want)
    blocks = dict(zip(have, np.split(array, len(have)), strict=True))
    return np.concatenate([blocks[gate] for gate in want])


def read_cell(who: str, kind: str, layout: Layout, arrays: Mapping[str, ArrayLike]) -> Named:
    """One cell by torch's names without a suffix: new arrays.

    Raises:
        ValueError: a name is missing or unknown, or a shape is not that of such a cell.
    """
    found = {name: np.asarray(array) for name, array in arrays.items()}
    weights, biases = layout.weight_ih + layout.weight_hh, layout.bias + layout.bias_hh
    if set(found) not in (set(weights), {*weights, *biases}):
        expected = f"the arrays {', '.join(weights)}, and with bias {', '.join(biases)}"
        raise ValueError(checks.message(f"{who}: {kind}", expected, ", ".join(sorted(found))))
    axis = 0 if layout.transposed else -1
    inputs, hidden = ((found[part[0]].shape or (0,))[axis] for part in layout[1:3])

    def whole(names: tuple[str, ...], gates: str, **width: int) -> ndarray:
        axes = {"G": len(gates) * hidden // len(names)} | width
        if layout.transposed:
            axes = dict(reversed(axes.items()))
        for name in names:
            checks.expect_shape(f"{who}: {kind}", name, found[name].shape, **axes)
        stacked = np.concatenate([found[name].T if layout.transposed else found[name] for name in names])
        return restack(stacked, kind, gates, _torch_order(kind, gates))

    cell = {"weight_ih": whole(layout.weight_ih, layout.order, I=inputs)}
    cell["weight_hh"] = whole(layout.weight_hh, layout.order, H=hidden)
    if layout.bias[0] in found:
        cell["bias_ih"] = whole(layout.bias, layout.order)
        cell["bias_hh"] = np.zeros_like(cell["bias_ih"])
        if layout.bias_hh:
            apart = whole(layout.bias_hh, layout.apart)
            cell["bias_hh"][len(cell["bias_hh"]) - len(apart) :] = apart
    return cell


def write_cell(kind: str, layout: Layout, cell: Named, adjoint: bool) -> Named:
    """The framework's arrays of one cell: new arrays.

    The two biases of gates that are not kept apart are added up. With `adjoint` the arrays are gradients, and
    that of a single bias is that of b_ih: read_cell writes nothing of it to b_hh.
    """

    def parts(array: ndarray, names: tuple[str, ...], gates: str) -> Named:
        stacked = restack(array, kind, _torch_order(kind, gates), gates)
        pieces = zip(names, np.split(stacked, len(names)), strict=True)
        return {name: (piece.T if layout.transposed else piece).copy() for name, piece in pieces}

    arrays = parts(cell["weight_ih"], layout.weight_ih, layout.order)
    arrays |= parts(cell["weight_hh"], layout.weight_hh, layout.order)
    if "bias_ih" in cell:
        bias, bias_hh = cell["bias_ih"].copy(), cell["bias_hh"]
        both = len(bias) - len(bias) // len(layout.order) * len(layout.apart)
        if not adjoint:
            bias[:both] += bias_hh[:both]
        arrays |= parts(bias, layout.bias, layout.order)
        if layout.bias_hh:
            arrays |= parts(bias_hh[both:], layout.bias_hh, layout.apart)
    return arrays


def from_cells(who: str, kind: str, cells: Mapping[str, Named]) -> Named:
    """Torch's names of all cells, by suffix; ValueError where the cells are not one stack."""
    hidden = {cell["weight_hh"].shape[1] for cell in cells.values()}
    if len(hidden) > 1:
        raise ValueError(checks.message(who, "one H in all layers: torch's have one", sorted(hidden)))
    width = sum(hidden) * (2 if any(suffix.endswith("_reverse") for suffix in cells) else 1)
    for suffix, cell in cells.items():
        inputs = cell["weight_ih"].shape[1]
        if inputs != width and suffix not in ("_l0", "_l0_reverse"):
            expected = f"{suffix} to read all directions side by side: I = D·H = {width}"
            raise ValueError(checks.message(who, expected, inputs))
    named = {name + suffix: array for suffix, cell in cells.items() for name, array in cell.items()}
    sizes_of(kind, named)
    return named


def to_cells(who: str, kind: str, named: Mapping[str, HasShape]) -> tuple[Sizes, dict[str, Named]]:
    """The sizes, and the cells by suffix; ValueError for a stack that no other framework has."""
    sizes = sizes_of(kind, named)
    if sizes.proj_size:
        raise ValueError(checks.message(who, "proj_size = 0: it has no projection", sizes.proj_size))
    names = ["weight_ih", "weight_hh", *["bias_ih", "bias_hh"] * sizes.bias]
    ends = [suffix for _, suffix in suffixes(sizes)]
    return sizes, {end: {name: np.asarray(named[name + end]) for name in names} for end in ends}


def _letters(kind: str, gates: str) -> str:
    return gates.replace(*LETTERS[kind]) if LETTERS[kind] else gates


def _torch_order(kind: str, gates: str) -> str:
    """The same gates in torch's order."""
    return "".join(gate for gate in GATES[kind] if gate in _letters(kind, gates))
