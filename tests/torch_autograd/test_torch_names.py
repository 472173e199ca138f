"""Undocumented names of torch.nn's modules exist and behave the same; the base classes can be subclassed."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, tensor, zeros

import scratch_rnn.torch_autograd as here
from tests.torch_autograd.surface import CELLS, LAYERS, OURS, THEIRS, assert_close, normal, outcome, pair

OPTIONS: list[dict[str, Any]] = [
    {},
    {"num_layers": 2, "bidirectional": True, "bias": False},
    {"batch_first": True},
]


@pytest.mark.parametrize("name", LAYERS + CELLS)
def test_every_name_is_there(name: str) -> None:
    theirs, ours = pair(name, 3, 4)
    assert set(dir(theirs)) - set(dir(ours)) == set()
    for constant in ("__constants__", "__jit_unused_properties__"):
        assert getattr(ours, constant, None) == getattr(theirs, constant, None)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", LAYERS)
def test_lists_of_weights(name: str, options: dict[str, Any]) -> None:
    for module in (modules := pair(name, 3, 4, **options)):
        named = dict(module.named_parameters())
        assert module._flat_weights_names == list(named)
        assert all(a is b for a, b in zip(module._flat_weights, named.values(), strict=True))
        assert all(r() is w for r, w in zip(module._flat_weight_refs, named.values(), strict=True))
        assert module._weights_have_changed() is False
        assert module._init_flat_weights() is module._update_flat_weights() is None
    assert modules[1]._all_weights == modules[0]._all_weights


def test_a_list_of_weights_that_is_assigned_is_used() -> None:
    theirs, ours = pair("GRU", 3, 4)
    for module in (theirs, ours):
        module._flat_weights = module._flat_weights
        assert list(module._parameters) == ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    doubled = [torch.nn.Parameter(2 * w) for w in ours._flat_weights]
    ours._flat_weights = doubled
    for name, weight in zip(theirs._flat_weights_names, doubled, strict=True):
        setattr(theirs, name, weight)
    assert_close(ours(normal(5, 2, 3)), theirs(normal(5, 2, 3)))
    with pytest.raises(ValueError, match="zip"):
        ours._flat_weights = doubled[:2]
    with pytest.raises(TypeError, match="cannot assign"):
        ours._flat_weights = [w.detach() for w in doubled]
    with pytest.raises(AttributeError):
        ours._flat_weights_names = ["weight_ih_l0"]


def states(name: str) -> Callable[[Tensor], Any]:
    """H in the calls below: a state of this class; the c of an LSTM differs from its h."""
    return lambda part: (part, part + 1) if name == "LSTM" else part


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(
    "call",
    [
        *(
            "check_input(zeros(5,2,3), None)",
            "check_input(zeros(5,3), None)",
            "check_input(zeros(5,2,7), None)",
        ),
        *("check_input(zeros(7,3), tensor([2]))", "check_input(zeros(5,2,3), tensor([2]))"),
        "check_input(zeros(5,2,3,dtype=float64), None)",
        *(
            "get_expected_hidden_size(zeros(5,2,3), None)",
            "get_expected_hidden_size(zeros(7,3), tensor([6,1]))",
        ),
        *("check_hidden_size(zeros(2,2,4), (2,2,4))", "check_hidden_size(zeros(1,2,4), (2,2,4))"),
        "check_hidden_size(zeros(1,2,4), (2,2,4), 'wanted {}, was {}')",
        *(
            f"check_forward_args(zeros(5,2,3), H(zeros({shape})), None)"
            for shape in ("2,2,4", "2,5,4", "2,2,9")
        ),
        *(
            f"check_forward_args(zeros(7,3), H(zeros({shape})), tensor([6,1]))"
            for shape in ("2,6,4", "2,2,4")
        ),
        "check_forward_args(zeros(5,2,7), H(zeros(1)), None)",
        "permute_hidden(H(tensor([[[1.], [2.]]])), tensor([1, 0]))",
        "permute_hidden(H(tensor([[[1.], [2.]]])), None)",
    ],
)
def test_helpers_of_subclasses(name: str, call: str) -> None:
    code, own = f"{name}(3, 4, 2).{call}", {"H": states(name)}
    expected = outcome(code, THEIRS | own)
    assert expected[0] in (None, RuntimeError, ValueError)
    assert outcome(code, OURS | own) == expected


def test_helpers_of_an_lstm_with_a_projection() -> None:
    for size in ("get_expected_hidden_size", "get_expected_cell_size"):
        for call in (f"{size}(zeros(5,2,3), None)", f"{size}(zeros(7,3), tensor([6,1]))"):
            code = f"LSTM(3, 4, 2, proj_size=2, batch_first=True).{call}"
            assert outcome(code, OURS) == outcome(code, THEIRS)


@pytest.mark.parametrize("name", [*LAYERS, *CELLS, "RNNBase", "RNNCellBase"])
def test_signatures_show_torchs_names(name: str) -> None:
    ours = list(inspect.signature(getattr(here, name)).parameters)
    theirs = list(inspect.signature(getattr(torch.nn.modules.rnn, name)).parameters)
    if theirs == ["args", "kwargs"]:
        theirs = list(inspect.signature(torch.nn.RNNBase).parameters)[1:]
        theirs[3:3] = ["nonlinearity"] if name == "RNN" else []
    assert ours == [*theirs, *(["reset_after"] if name.startswith("GRU") else []), "engine"]


@pytest.mark.parametrize("mode", ["RNN_TANH", "RNN_RELU", "LSTM", "GRU"])
def test_rnn_base_is_a_base_class_as_torchs(mode: str) -> None:
    bases: list[Any] = [torch.nn.RNNBase, here.RNNBase]
    made = []
    for base in bases:
        torch.manual_seed(0)
        subclass: Callable[..., Any] = type(
            "Layer", (base,), {"forward": lambda self, x: x + self.bias_ih_l0.sum()}
        )
        module = subclass(mode, 3, 4, 2, bidirectional=True)
        made.append((repr(module), module.state_dict().keys(), module(zeros(1))))
    assert made[0] == made[1]
    with pytest.raises(ValueError, match=r"^Unrecognized RNN mode: MGU$"):
        here.RNNBase("MGU", 3, 4)


def test_rnn_cell_base_is_a_base_class_as_torchs() -> None:
    bases: list[Any] = [torch.nn.RNNCellBase, here.RNNCellBase]
    made = []
    for base in bases:
        torch.manual_seed(0)

        def forward(self: Any, x: Tensor) -> Tensor:
            return x @ self.weight_ih.T + self.bias_ih

        subclass: Callable[..., Any] = type("MinimalGatedCell", (base,), {"forward": forward})
        cell = subclass(3, 4, True, 2)
        made.append(
            (
                repr(cell),
                [(n, p.tolist()) for n, p in cell.named_parameters()],
                cell(normal(2, 3).float()).tolist(),
            )
        )
    assert made[0] == made[1]


def test_a_subclass_of_another_name_raises_torchs_texts() -> None:
    for names in (THEIRS, OURS):
        for name in ("LSTM", "LSTMCell"):
            subclass: Callable[..., Any] = type("Encoder", (names[name],), {})
            with pytest.raises(ValueError, match=f"^{name}: Expected input to be"):
                subclass(3, 4)(tensor(1.0))
