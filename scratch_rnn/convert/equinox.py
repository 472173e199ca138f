"""Equinox: the fields of nn.LSTMCell and nn.GRUCell. No Elman RNN; a caller stacks the cells.

Axes (scratch_rnn/notation.py): I input, H hidden, G gate rows.

    weight_ih  (G, I)    as torch's
    weight_hh  (G, H)    as torch's
    bias       (G,)      b_ih = bias, b_hh = 0
    bias_n     (H,)      of a GRU only: the n part of b_hh, which the reset gate scales

There is one dict for each layer and direction, under torch's suffix: {"_l0": {"weight_ih": …, …}, …}. A cell
with use_bias=False has no biases, or None.
"""

from collections.abc import Mapping

from numpy.typing import ArrayLike

from scratch_rnn import checks
from scratch_rnn.convert.gates import Layout, Named, from_cells, read_cell, to_cells, write_cell
from scratch_rnn.parameters import HasShape

ORDER = {"lstm": "ifgo", "gru": "rzn"}

LAYOUTS = {
    "lstm": Layout(ORDER["lstm"], ("weight_ih",), ("weight_hh",), ("bias",)),
    "gru": Layout(ORDER["gru"], ("weight_ih",), ("weight_hh",), ("bias",), ("bias_n",), apart="n"),
}


def to_torch(kind: str, arrays: Mapping[str, Mapping[str, ArrayLike | None]]) -> Named:
    """Torch's names and arrays of the fields of each cell, by suffix."""
    checks.expect_one_of("equinox", "kind", kind, list(ORDER))
    cells = {end: {n: a for n, a in cell.items() if a is not None} for end, cell in arrays.items()}
    return from_cells(
        "equinox", kind, {end: read_cell("equinox", kind, LAYOUTS[kind], c) for end, c in cells.items()}
    )


def from_torch(kind: str, named: Mapping[str, HasShape]) -> dict[str, Named]:
    """The fields of each cell, by suffix."""
    return _write(kind, named, adjoint=False)


def to_torch_backward(kind: str, d_named: Mapping[str, HasShape]) -> dict[str, Named]:
    """Gradients of the fields of each cell; arguments as from_torch."""
    return _write(kind, d_named, adjoint=True)


def _write(kind: str, named: Mapping[str, HasShape], adjoint: bool) -> dict[str, Named]:
    checks.expect_one_of("equinox", "kind", kind, list(ORDER))
    _, cells = to_cells("equinox", kind, named)
    return {suffix: write_cell(kind, LAYOUTS[kind], cell, adjoint) for suffix, cell in cells.items()}
