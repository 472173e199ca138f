"""Flax: the parameters of its cells, in three layouts. A caller stacks cells.

Axes (scratch_rnn/notation.py): I input, H hidden, G gate rows.

    flavour      LSTM                              GRU                             SimpleCell
    nnx          dense_i, dense_h                  dense_i, dense_h                dense_i, dense_h
                 OptimizedLSTMCell; bias on h      bias on i; no b_hn              bias on i
    nnx_named    ii if_ ig io, hi hf hg ho         –                               –
                 LSTMCell; bias on h
    linen        ii if ig io, hi hf hg ho          ir iz in, hr hz hn              i, h
                 both LSTM cells; bias on h        bias on i; hn/bias is b_hn      bias on i

Kernels are (I, rows) and (H, rows), torch's transposed. There is one bias, b_ih = bias and b_hh = 0, except
that linen's hn/bias is the n part of b_hh. A carry is (c, h), not torch's (h, c).

There is one dict for each layer and direction, under torch's suffix: {"_l0": {"dense_i/kernel": …, …}, …}.
These cells always have biases: a layer without bias is written with zeros, which computes the same, and is
read back with zeros. Gradients must have biases: the layer that to_torch fills has them.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from scratch_rnn import checks
from scratch_rnn.convert.gates import Layout, Named, from_cells, read_cell, to_cells, write_cell
from scratch_rnn.parameters import HasShape, stack_shapes

ORDER = {"rnn": "h", "lstm": "ifgo", "gru": "rzn"}


def _layout(kind: str, inputs: str, states: str, biased: str, apart: str = "") -> Layout:
    def named(names: str, what: str) -> tuple[str, ...]:
        return tuple(f"{name}/{what}" for name in names.split())

    kernels = named(inputs, "kernel"), named(states, "kernel")
    biases = named(biased, "bias"), named(apart, "bias")
    return Layout(ORDER[kind], *kernels, *biases, apart="n" * bool(apart), transposed=True)


LAYOUTS = {
    ("nnx", "rnn"): _layout("rnn", "dense_i", "dense_h", "dense_i"),
    ("nnx", "lstm"): _layout("lstm", "dense_i", "dense_h", "dense_h"),
    ("nnx", "gru"): _layout("gru", "dense_i", "dense_h", "dense_i"),
    ("nnx_named", "lstm"): _layout("lstm", "ii if_ ig io", "hi hf hg ho", "hi hf hg ho"),
    ("linen", "rnn"): _layout("rnn", "i", "h", "i"),
    ("linen", "lstm"): _layout("lstm", "ii if ig io", "hi hf hg ho", "hi hf hg ho"),
    ("linen", "gru"): _layout("gru", "ir iz in", "hr hz hn", "ir iz in", apart="hn"),
}
"""(flavour, kind) -> the cell."""


def to_torch(kind: str, arrays: Mapping[str, Mapping[str, ArrayLike]], *, flavour: str) -> Named:
    """Torch's names and arrays of the parameters of each cell, by suffix; flavour as in the table above."""
    layout = _find(kind, flavour)
    for cell in arrays.values():
        if layout.bias[0] not in cell:
            raise ValueError(checks.message(f"flax: {kind}", f"the array {layout.bias[0]}", ", ".join(cell)))
    return from_cells(
        "flax", kind, {end: read_cell("flax", kind, layout, cell) for end, cell in arrays.items()}
    )


def from_torch(kind: str, named: Mapping[str, HasShape], *, flavour: str) -> dict[str, Named]:
    """The parameters of each cell, by suffix.

    ValueError also for a GRU for "nnx" with a b_hn that is not 0: that cell has none (flax #5594).
    """
    layout = _find(kind, flavour)
    sizes, _ = to_cells("flax", kind, named)
    if not sizes.bias:
        weight = np.asarray(named["weight_ih_l0"])
        shapes = stack_shapes(sizes._replace(bias=True))
        named = {name: named.get(name, np.zeros(shape, weight.dtype)) for name, shape in shapes.items()}
    for name, array in named.items():
        if (flavour, kind) == ("nnx", "gru") and name.startswith("bias_hh"):
            b_hn = np.split(np.asarray(array), 3)[2]
            if b_hn.any():
                expected = f"the n part of {name} to be 0 (nnx.GRUCell has no b_hn)"
                raise ValueError(checks.message("flax", expected, f"entries up to {abs(b_hn).max():.3g}"))
    _, cells = to_cells("flax", kind, named)
    return {end: write_cell(kind, layout, cell, adjoint=False) for end, cell in cells.items()}


def to_torch_backward(kind: str, d_named: Mapping[str, HasShape], *, flavour: str) -> dict[str, Named]:
    """Gradients of the parameters of each cell; ValueError also where `d_named` has no biases."""
    layout = _find(kind, flavour)
    sizes, cells = to_cells("flax", kind, d_named)
    if not sizes.bias:
        raise ValueError(
            checks.message("flax", "gradients of biases too: its cells have them", ", ".join(d_named))
        )
    return {end: write_cell(kind, layout, cell, adjoint=True) for end, cell in cells.items()}


def _find(kind: str, flavour: str) -> Layout:
    checks.expect_one_of("flax", "kind", kind, list(ORDER))
    flavours = [each for each, its_kind in LAYOUTS if its_kind == kind]
    return LAYOUTS[checks.expect_one_of(f"flax: {kind}", "flavour", flavour, flavours), kind]
