"""Names and shapes of a layer's parameters: torch.nn's layout, and the only place that knows it.

Layer k, direction d of a stack owns five arrays at the most, in this order:

    weight_ih_l{k}   (G, I)     gates from the input; I is D·P from layer 1 on
    weight_hh_l{k}   (G, P)     gates from the state
    bias_ih_l{k}     (G,)       only with bias
    bias_hh_l{k}     (G,)       only with bias
    weight_hr_l{k}   (P, H)     only where an LSTM projects its h

and the same with `_reverse` behind the name for the second direction. A cell's parameters bear the
plain names. Source: torch.nn.LSTM's documentation, section Variables.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from scratch_rnn import checks
from scratch_rnn.notation import GATES

Shapes = dict[str, tuple[int, ...]]


class Sizes(NamedTuple):
    """All that fixes the parameters of a stack."""

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
    """(layer, what stands behind its parameters' names), in the order of the states."""
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


def sizes_of(kind: str, named: Mapping[str, Any]) -> Sizes:
    """The sizes that fix these parameters, found from the arrays alone.

    Args:
        kind: "rnn", "lstm" or "gru".
        named: torch's names, as a layer's state_dict() has them, and anything numpy.asarray takes.

    Raises:
        ValueError: a name is missing or unknown, or a shape is not that of a stack of this kind.

    >>> sizes_of("gru", {"weight_ih_l0": np.ones((12, 3)), "weight_hh_l0": np.ones((12, 4))})
    Sizes(kind='gru', input_size=3, hidden_size=4, num_layers=1, bias=False, bidirectional=False, proj_size=0)
    """
    checks.expect_one_of("sizes_of", "kind", kind, list(GATES))
    who, gates = kind.upper(), len(GATES[kind])
    shapes: Shapes = {name: np.shape(array) for name, array in named.items()}
    if "weight_ih_l0" not in shapes:
        raise ValueError(checks.message(who, "a parameter weight_ih_l0", sorted(shapes)))
    checks.expect_shape(who, "weight_ih_l0", shapes["weight_ih_l0"], G=None, I=None)
    proj_size = 0
    if "weight_hr_l0" in shapes:
        if kind != "lstm":
            raise ValueError(
                checks.message(who, "no weight_hr_l0: only an LSTM projects its h", sorted(shapes))
            )
        checks.expect_shape(who, "weight_hr_l0", shapes["weight_hr_l0"], P=None, H=None)
        proj_size = shapes["weight_hr_l0"][0]
    rows, input_size = shapes["weight_ih_l0"]
    if not rows or rows % gates:
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
        proj_size,
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
