"""Names and shapes of a layer's parameters, as in torch.nn. No other file knows them.

Each direction of layer k has at most five arrays, in this order:

    weight_ih_l{k}   (G, I)     gates from the input; I is D·P from layer 1 on
    weight_hh_l{k}   (G, P)     gates from the state
    bias_ih_l{k}     (G,)       only with bias
    bias_hh_l{k}     (G,)       only with bias
    weight_hr_l{k}   (P, H)     only where an LSTM projects its h

The names of the second direction end with `_reverse`. A cell's parameters have no suffix. Source:
torch.nn.LSTM's documentation, section Variables.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from scratch_rnn import checks
from scratch_rnn.notation import GATES


class HasShape(Protocol):
    """An array of any library."""

    @property
    def shape(self) -> tuple[int, ...]: ...


Shapes = dict[str, tuple[int, ...]]


class Sizes(NamedTuple):
    """Determines the names and shapes of all parameters of a stack."""

    kind: str  # "rnn", "lstm" or "gru"
    input_size: int
    hidden_size: int
    num_layers: int = 1
    bias: bool = True
    bidirectional: bool = False
    proj_size: int = 0

    @property
    def directions(self) -> int:
        """D."""
        return 2 if self.bidirectional else 1

    @property
    def output_size(self) -> int:
        """P, the width of h in one direction."""
        return self.proj_size or self.hidden_size


def cell_shapes(kind: str, input_size: int, hidden_size: int, bias: bool, proj_size: int = 0) -> Shapes:
    """Shapes of one cell's parameters, in torch's order."""
    gate_rows = len(GATES[kind]) * hidden_size
    shapes: Shapes = {"weight_ih": (gate_rows, input_size)}
    shapes["weight_hh"] = (gate_rows, proj_size or hidden_size)
    if bias:
        shapes["bias_ih"] = shapes["bias_hh"] = (gate_rows,)
    if proj_size:
        shapes["weight_hr"] = (proj_size, hidden_size)
    return shapes


def suffixes(sizes: Sizes) -> Iterator[tuple[int, str]]:
    """(layer, suffix of its parameters' names), in the order of the states."""
    for layer in range(sizes.num_layers):
        yield layer, f"_l{layer}"
        if sizes.bidirectional:
            yield layer, f"_l{layer}_reverse"


def stack_shapes(sizes: Sizes) -> Shapes:
    """Shapes of all parameters of a stack, in torch's order.

    >>> list(stack_shapes(Sizes("gru", 3, 4, bias=False, bidirectional=True)).items())
    [('weight_ih_l0', (12, 3)), ('weight_hh_l0', (12, 4)), ('weight_ih_l0_reverse', (12, 3)), \
('weight_hh_l0_reverse', (12, 4))]
    """
    shapes: Shapes = {}
    for layer, suffix in suffixes(sizes):
        width = sizes.input_size if layer == 0 else sizes.directions * sizes.output_size
        cell = cell_shapes(sizes.kind, width, sizes.hidden_size, sizes.bias, sizes.proj_size)
        shapes |= {name + suffix: shape for name, shape in cell.items()}
    return shapes


def pick(named: Mapping[str, object], fields: tuple[str, ...], suffix: str) -> list[object]:
    """The values of one direction of one layer, in the order of `fields`; None where there is none."""
    return [named.get(field + suffix) for field in fields]


def sizes_of(kind: str, named: Mapping[str, HasShape]) -> Sizes:
    """The sizes that determine these parameters, found from the names and shapes alone.

    Args:
        kind: "rnn", "lstm" or "gru".
        named: torch's names, as in a layer's state_dict(), and arrays of any library.

    Raises:
        ValueError: a name is missing or unknown, or a shape is not that of a stack of this kind.

    >>> import numpy as np
    >>> sizes_of("gru", {"weight_ih_l0": np.ones((12, 3)), "weight_hh_l0": np.ones((12, 4))})
    Sizes(kind='gru', input_size=3, hidden_size=4, num_layers=1, bias=False, bidirectional=False, proj_size=0)
    """
    checks.expect_one_of("sizes_of", "kind", kind, list(GATES))
    who, gates = kind.upper(), len(GATES[kind])
    shapes: Shapes = {name: tuple(array.shape) for name, array in named.items()}
    for name in ("weight_ih_l0", "weight_hr_l0") if "weight_hr_l0" in shapes else ("weight_ih_l0",):
        if name not in shapes:
            raise ValueError(checks.message(who, f"a parameter {name}", sorted(shapes)))
        letters = {"G": None, "I": None} if name == "weight_ih_l0" else {"P": None, "H": None}
        checks.expect_shape(who, name, shapes[name], **letters)
    if kind != "lstm" and "weight_hr_l0" in shapes:
        raise ValueError(checks.message(who, "no weight_hr_l0", shapes["weight_hr_l0"]))
    rows, input_size = shapes["weight_ih_l0"]
    if rows % gates:
        expected = f"weight_ih_l0 of shape (G, I) with G = {gates} gates × H"
        raise ValueError(checks.message(who, expected, shapes["weight_ih_l0"]))
    layers = {int(found[1]) for name in shapes if (found := re.match(r"weight_ih_l(\d+)$", name))}
    sizes = Sizes(
        kind,
        input_size,
        rows // gates,
        len(layers),
        "bias_ih_l0" in shapes,
        "weight_ih_l0_reverse" in shapes,
        shapes["weight_hr_l0"][0] if "weight_hr_l0" in shapes else 0,
    )
    expect_parameters(who, shapes, stack_shapes(sizes))
    return sizes


def expect_parameters(who: str, got: Shapes, wanted: Shapes) -> None:
    """Raise ValueError unless these are the same names with the same shapes."""
    missing, unknown = sorted(set(wanted) - set(got)), sorted(set(got) - set(wanted))
    if missing or unknown:
        text = f"a mapping without {missing} and with unknown {unknown}"
        raise ValueError(checks.message(who, "torch's parameter names", text))
    for name, shape in wanted.items():
        checks.expect_equal_shape(who, name, shape, got[name])
