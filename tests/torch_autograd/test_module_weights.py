"""The weights of RNN, LSTM and GRU are drawn, loaded, replaced, tied, normed and copied as in torch.nn."""

import copy
import pickle
from typing import Any

import pytest
import torch
from torch.nn.utils import parametrizations, parametrize

from tests.torch_autograd.surface import (
    LAYERS,
    OURS,
    THEIRS,
    assert_same,
    described,
    gradients,
    normal,
    outcome,
    pair,
)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_from_meta_to_empty_and_the_same_seed(name: str, dtype: torch.dtype) -> None:
    modules = [names[name](3, 4, 2, device="meta", dtype=dtype) for names in (THEIRS, OURS)]
    for module in modules:
        assert all(p.is_meta and p.dtype == dtype for p in module.parameters())
        module.to_empty(device="cpu")
        torch.manual_seed(1)
        module.reset_parameters()
    theirs, ours = (list(module.parameters()) for module in modules)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("name", LAYERS)
def test_a_state_dict_is_strict_with_torchs_texts(name: str) -> None:
    theirs, ours = pair(name, 3, 4, 2)
    good = theirs.state_dict()
    for change in ({"bias_hh_l0": torch.zeros(5)}, {"weight_hr_l0": torch.zeros(2, 4)}, None):
        bad = good | change if change else dict(list(good.items())[1:])
        words = {"theirs": theirs, "ours": ours, "bad": bad}
        assert outcome("ours.load_state_dict(bad)", words) == outcome("theirs.load_state_dict(bad)", words)


def replace(module: Any) -> None:
    module.weight_hh_l0 = torch.nn.Parameter(normal(*module.weight_hh_l0.shape, seed=5))


def share(module: Any) -> None:
    module.weight_hh_l1 = module.weight_hh_l0


def halve(module: Any) -> None:
    class Half(torch.nn.Module):
        def forward(self, weight: torch.Tensor) -> torch.Tensor:
            return weight / 2

    parametrize.register_parametrization(module, "weight_hh_l0", Half())


def normalise(module: Any) -> None:
    parametrizations.weight_norm(module, "weight_ih_l1")
    with torch.no_grad():
        module.parametrizations.weight_ih_l1.original0.mul_(2)


def in_place(module: Any) -> None:
    with torch.no_grad():
        module.bias_ih_l0.fill_(0.25)


@pytest.mark.parametrize("change", [replace, share, halve, normalise, in_place])
@pytest.mark.parametrize("name", LAYERS)
def test_weights_that_are_replaced_are_the_weights(name: str, change: Any) -> None:
    theirs, ours = pair(name, 3, 4, 2)
    x = normal(5, 2, 3)
    before = ours(x)[0]
    for module in (theirs, ours):
        change(module)
    assert_same(ours(x), theirs(x))
    assert_same(gradients(ours, ours(x)), gradients(theirs, theirs(x)))
    assert not torch.equal(ours(x)[0], before)


@pytest.mark.parametrize("name", LAYERS)
def test_copies_are_equal_and_independent(name: str) -> None:
    _, ours = pair(name, 3, 4, 2, bidirectional=True)
    for twin in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert described(twin) == described(ours)
        assert_same(twin(normal(5, 2, 3)), ours(normal(5, 2, 3)))
        in_place(twin)
        assert not torch.equal(twin.bias_ih_l0, ours.bias_ih_l0)
