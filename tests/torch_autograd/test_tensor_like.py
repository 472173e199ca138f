"""Inputs that are no Tensor: objects with `__torch_function__`, and the proxies of torch.fx."""

from typing import Any

import jaxtyping
import pytest
import torch
from torch import Tensor

import scratch_rnn.torch_autograd as here
from tests.torch_autograd.surface import CELLS, LAYERS, assert_close, normal, pair, tensors


class Wrapped:
    """A tensor in an attribute. All functions and methods of torch return such objects."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor

    @classmethod
    def __torch_function__(cls, function: Any, _: Any, args: Any = (), kwargs: Any = None) -> Any:
        options = {name: unwrapped(value) for name, value in (kwargs or {}).items()}
        return wrapped(function(*unwrapped(args), **options))

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.tensor, name)
        return (lambda *args, **kw: wrapped(value(*unwrapped(args), **kw))) if callable(value) else value

    def __getitem__(self, index: Any) -> Any:
        return wrapped(self.tensor[index])

    def __add__(self, other: Any) -> Any:
        return wrapped(self.tensor + unwrapped(other))

    def __mul__(self, other: Any) -> Any:
        return wrapped(self.tensor * unwrapped(other))

    def __rsub__(self, other: Any) -> Any:
        return wrapped(other - self.tensor)


def wrapped(value: Any) -> Any:
    if isinstance(value, tuple | list) and not isinstance(value, torch.Size):
        return type(value)(wrapped(part) for part in value)
    return Wrapped(value) if isinstance(value, Tensor) else value


def unwrapped(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(unwrapped(part) for part in value)
    return value.tensor if isinstance(value, Wrapped) else value


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_takes_an_object_with_torch_function(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # the hook takes Tensors alone
    theirs, ours = pair(name, 3, 4)
    x = normal(2, 3)
    for module in (theirs, ours):
        result = module(Wrapped(x))
        assert isinstance(result[0] if name == "LSTMCell" else result, Wrapped)
        assert_close(unwrapped(result), theirs(x))


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_takes_an_object_with_torch_function(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    theirs, ours = pair(name, 3, 4, 2, bidirectional=True)
    x = normal(5, 2, 3)
    for module in (theirs, ours):
        assert_close(unwrapped(module(Wrapped(x))), theirs(x))


def test_packing_takes_an_object_with_torch_function() -> None:
    x = normal(5, 2, 3)
    packed: Any = here.pack_padded_sequence(Wrapped(x), [5, 3])  # type: ignore[arg-type]
    padded: Any = here.pad_packed_sequence(packed)[0]
    assert isinstance(packed.data, Wrapped)
    assert_close(padded.tensor[:3], x[:3])


@pytest.mark.parametrize("name", LAYERS + CELLS)
def test_fx_records_one_node(name: str) -> None:
    class Model(torch.nn.Module):
        def __init__(self, layer: Any) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Tensor, hx: Any) -> Any:
            return self.layer(x, hx), self.layer(x)

    x = normal(2, 3) if name in CELLS else normal(5, 2, 3)
    graphs = []
    for module in pair(name, 3, 4):
        traced = torch.fx.symbolic_trace(Model(module))
        graphs.append(str(traced.graph))
        state = module(x) if name in CELLS else module(x)[1]
        assert_close(list(tensors(traced(x, state))), [*tensors(module(x, state)), *tensors(module(x))])
    assert graphs[1] == graphs[0]
