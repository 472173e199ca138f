"""Names, shapes and order of the parameters are torch.nn's, for layers and for cells."""

from typing import Any

import pytest
import torch

from scratch_rnn.parameters import Sizes, cell_shapes, pick, sizes_of, stack_shapes, suffixes


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("num_layers", [1, 3])
@pytest.mark.parametrize("proj_size", [0, 2])
def test_layers(kind: str, bias: bool, bidirectional: bool, num_layers: int, proj_size: int) -> None:
    proj_size = proj_size if kind == "lstm" else 0
    sizes = Sizes(kind, 3, 5, num_layers, bias, bidirectional, proj_size)
    options: dict[str, Any] = {"bias": bias, "bidirectional": bidirectional, "dtype": torch.float64}
    options |= {"proj_size": proj_size} if proj_size else {}
    layer = getattr(torch.nn, kind.upper())(3, 5, num_layers, **options)
    expected = [(name, tuple(p.shape)) for name, p in layer.named_parameters()]
    assert list(stack_shapes(sizes).items()) == expected
    assert sizes_of(kind, dict(layer.named_parameters())) == sizes
    assert sizes.output_size * sizes.directions == layer(torch.zeros(1, 3).double())[0].shape[1]


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("bias", [True, False])
def test_cells(kind: str, bias: bool) -> None:
    cell = getattr(torch.nn, f"{kind.upper()}Cell")(3, 5, bias)
    expected = [(name, tuple(p.shape)) for name, p in cell.named_parameters()]
    assert list(cell_shapes(kind, 3, 5, bias).items()) == expected


def test_directions_have_the_order_of_the_states() -> None:
    sizes = Sizes("gru", 3, 5, num_layers=2, bidirectional=True)
    assert list(suffixes(sizes)) == [(0, "_l0"), (0, "_l0_reverse"), (1, "_l1"), (1, "_l1_reverse")]
    assert list(suffixes(sizes._replace(bidirectional=False))) == [(0, "_l0"), (1, "_l1")]


def test_pick_returns_none_for_an_absent_parameter() -> None:
    named = {"weight_ih_l0": 1, "weight_hh_l0": 2, "bias_ih_l1": 3}
    assert pick(named, ("weight_ih", "bias_ih", "weight_hh"), "_l0") == [1, None, 2]
