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

from collections.abc import Iterator, Mapping
from typing import NamedTuple

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
