"""Names, shapes and order of the parameters are torch.nn's, for layers and for cells."""

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from numpy import ndarray

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


@pytest.mark.parametrize(
    ("kind", "layers", "bias", "two", "proj"),
    [
        each
        for each in product(("rnn", "lstm", "gru"), (1, 3, 11), (True, False), (True, False), (0, 1, 4))
        if each[0] == "lstm" or not each[4]
    ],
)
def test_sizes_of_finds_the_sizes(kind: str, layers: int, bias: bool, two: bool, proj: int) -> None:
    sizes = Sizes(kind, 3, 5, layers, bias, two, proj)
    assert sizes_of(kind, arrays(sizes)) == sizes


def arrays(sizes: Sizes) -> dict[str, ndarray]:
    return {name: np.zeros(shape) for name, shape in stack_shapes(sizes).items()}


STACK = arrays(Sizes("lstm", 3, 5, num_layers=3, bidirectional=True))


@pytest.mark.parametrize(
    ("kind", "named", "text"),
    [
        ("mlp", STACK, "sizes_of: expected kind to be 'rnn' or 'lstm' or 'gru', got 'mlp'"),
        ("lstm", {}, r"LSTM: expected a parameter weight_ih_l0, got \[\]"),
        ("gru", arrays(Sizes("lstm", 3, 6)), r"GRU: expected weight_hh_l0 of shape \(24, 8\), got \(24, 6\)"),
        ("gru", STACK, r"weight_ih_l0 of shape \(G, I\) with G = 3 gates × H, got \(20, 3\)"),
        ("lstm", STACK | {"weight_ih_l0": np.zeros(20)}, r"weight_ih_l0 of shape \(G, I\), got \(20,\)"),
        ("lstm", STACK | {"weight_hr_l0": np.zeros(20)}, r"weight_hr_l0 of shape \(P, H\), got \(20,\)"),
        ("lstm", STACK | {"bias_hh_l2": np.zeros((20, 1))}, r"bias_hh_l2 of shape \(20,\), got \(20, 1\)"),
        ("lstm", STACK | {"step": np.zeros(1)}, r"without \[\] and with unknown \['step'\]"),
        ("lstm", {n: a for n, a in STACK.items() if "_l1" not in n}, r"without \['bias_hh_l1'"),
        (
            "lstm",
            {n: a for n, a in STACK.items() if n != "bias_ih_l2_reverse"},
            r"\['bias_ih_l2_reverse'\] and",
        ),
        ("rnn", arrays(Sizes("lstm", 3, 5, proj_size=2)), r"RNN: expected no weight_hr_l0"),
    ],
)
def test_sizes_of_checks_every_name_and_shape(kind: str, named: dict[str, ndarray], text: str) -> None:
    with pytest.raises(ValueError, match=text) as caught:
        sizes_of(kind, named)
    assert "\n" not in str(caught.value)
