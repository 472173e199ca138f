"""Keras 3: get_weights() of each SimpleRNN, LSTM or GRU, alone or in Bidirectional (merge_mode "concat").

Axes (scratch_rnn/notation.py): I input, H hidden, G gate rows.

    kernel            (I, G)     weight_ih transposed
    recurrent_kernel  (H, G)     weight_hh transposed
    bias              (G,)       b_ih = bias, b_hh = 0
                      (2, G)     [b_ih, b_hh], of a GRU with reset_after=True

Bidirectional lists the forward layer's arrays, then the backward layer's. States are [h, c], as torch's.

A GRU with reset_after=False applies the reset gate before the matrix product: only a layer that does so
computes the same. Its bias is (G,); without bias the arrays do not show it, so the caller must say which it
is. Nor do the arrays show activation, go_backwards, and the merge_mode of the last layer.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy import ndarray
from numpy.typing import ArrayLike

from scratch_rnn import checks
from scratch_rnn.convert.gates import Layout, Named, from_cells, read_cell, to_cells, write_cell
from scratch_rnn.parameters import HasShape

ORDER = {"rnn": "h", "lstm": "ifco", "gru": "zrh"}

Layers = list[list[ndarray]]


def to_torch(kind: str, arrays: Sequence[Sequence[ArrayLike]], *, reset_after: bool | None = None) -> Named:
    """Torch's names and arrays of get_weights() of each layer, first layer first.

    reset_after, of a GRU only: None is True, and the biases must show it. With False the result is for a GRU
    with reset_after=False. ValueError where the arrays do not agree.
    """
    _expect_options(kind, reset_after)
    counts = [len(layer) for layer in arrays]
    if len(set(counts)) != 1 or counts[0] not in (2, 3, 4, 6):
        expected = (
            "as many arrays in each layer: in Keras 3 they are 2, 3 with bias, twice that if Bidirectional"
        )
        raise ValueError(checks.message("keras", expected, counts))
    size = counts[0] // 2 if counts[0] > 3 else counts[0]
    cells = {}
    for k, layer in enumerate(arrays):
        for end, first in zip(("", "_reverse"), range(0, len(layer), size), strict=False):
            cells[f"_l{k}{end}"] = _read(kind, layer[first : first + size], reset_after)
    return from_cells("keras", kind, cells)


def from_torch(kind: str, named: Mapping[str, HasShape], *, reset_after: bool | None = None) -> Layers:
    """The argument of set_weights() of each layer. reset_after is that of the GRU of `named`."""
    return _write(kind, named, reset_after, adjoint=False)


def to_torch_backward(
    kind: str, d_named: Mapping[str, HasShape], *, reset_after: bool | None = None
) -> Layers:
    """Gradients of the arrays of each layer, in the order of get_weights(); arguments as from_torch."""
    return _write(kind, d_named, reset_after, adjoint=True)


def _layout(kind: str, two_biases: bool) -> Layout:
    biases = ("recurrent_bias",) * two_biases, ORDER[kind] * two_biases
    return Layout(ORDER[kind], ("kernel",), ("recurrent_kernel",), ("bias",), *biases, transposed=True)


def _expect_options(kind: str, reset_after: bool | None) -> None:
    checks.expect_one_of("keras", "kind", kind, list(ORDER))
    if reset_after is not None and (kind != "gru" or not isinstance(reset_after, bool)):
        raise ValueError(
            checks.message(f"keras: {kind}", "reset_after True or False for a GRU only", reset_after)
        )


def _read(kind: str, arrays: Sequence[ArrayLike], reset_after: bool | None) -> Named:
    """One cell by torch's names."""
    cell = dict(zip(("kernel", "recurrent_kernel", "bias"), map(np.asarray, arrays), strict=False))
    if "bias" in cell and cell["bias"].shape == (2 * cell["recurrent_kernel"].shape[-1],):
        raise ValueError(
            checks.message(f"keras: {kind}", "no CuDNN layer of Keras 2", "a bias of 2G entries")
        )
    if kind != "gru":
        return read_cell("keras", kind, _layout(kind, two_biases=False), cell)
    if "bias" not in cell and reset_after is None:
        raise ValueError(
            checks.message("keras: gru", "reset_after=True or False: there is no bias that shows it", None)
        )
    after = reset_after is not False
    if "bias" in cell and cell["bias"].ndim != 1 + after:
        expected = f"a bias of {1 + after} axes with reset_after={after}"
        raise ValueError(checks.message("keras: gru", expected, cell["bias"].shape))
    if "bias" in cell and after:
        checks.expect_shape("keras: gru", "bias", cell["bias"].shape, **{"2": 2, "G": None})
        cell["bias"], cell["recurrent_bias"] = cell["bias"]
    return read_cell("keras", kind, _layout(kind, after), cell)


def _write(kind: str, named: Mapping[str, HasShape], reset_after: bool | None, adjoint: bool) -> Layers:
    _expect_options(kind, reset_after)
    sizes, cells = to_cells("keras", kind, named)
    layout = _layout(kind, kind == "gru" and reset_after is not False)
    layers: Layers = [[] for _ in range(sizes.num_layers)]
    for number, cell in enumerate(cells.values()):
        kernel, recurrent, *biases = write_cell(kind, layout, cell, adjoint).values()
        bias = [np.stack(biases)] if len(biases) == 2 else biases
        layers[number // sizes.directions] += [kernel, recurrent, *bias]
    return layers
