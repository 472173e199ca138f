"""`replace` puts our layers into a model of torch.nn: same parameters, hooks and mode, same results."""

import copy
import io
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.utils import parametrizations
from torch.nn.utils import rnn as theirs

import scratch_rnn.torch_autograd as here
from scratch_rnn.torch_autograd import replace
from tests.torch_autograd.surface import CELLS, LAYERS, assert_close, assert_same, gradients, normal

OPTIONS: dict[str, dict[str, Any]] = {name: {"num_layers": 2, "bidirectional": True} for name in LAYERS}
OPTIONS["RNN"]["nonlinearity"] = "relu"
OPTIONS["LSTM"]["proj_size"] = 2
OPTIONS |= {"RNNCell": {"nonlinearity": "relu"}, "LSTMCell": {"bias": False}, "GRUCell": {}}


def layer(name: str) -> Any:
    torch.manual_seed(0)
    return getattr(torch.nn, name)(3, 4, **OPTIONS[name], dtype=torch.float64)


@pytest.mark.parametrize("engine", ["steps", "fused"])
@pytest.mark.parametrize("name", LAYERS + CELLS)
def test_a_layer_becomes_ours_with_the_same_parameters(name: str, engine: str) -> None:
    model = layer(name)
    x = normal(2, 3) if name in CELLS else normal(5, 2, 3)
    expected = copy.deepcopy(model)
    ours: Any = replace(model, engine)
    assert type(ours) is getattr(here, name)
    assert ours.engine == engine
    assert repr(ours) == repr(expected)
    pairs = zip(ours.named_parameters(), model.named_parameters(), strict=True)
    assert all(a[0] == b[0] and a[1] is b[1] for a, b in pairs)
    assert_same(ours(x), expected(x))
    assert_close(gradients(ours, ours(x)), gradients(expected, expected(x)))
    again = copy.deepcopy(ours)
    assert_same(again(x), expected(x))


class Tagger(torch.nn.Module):
    """Two layers, one of them under two names, and a packed batch of torch's own."""

    def __init__(self) -> None:
        super().__init__()
        self.first = layer("GRU")
        self.nested = torch.nn.ModuleDict({"second": torch.nn.GRU(8, 4, dtype=torch.float64)})
        self.register_module("none", None)
        self.alias = self.first
        self.dropout = torch.nn.Dropout()

    def forward(self, x: Tensor) -> Tensor:
        packed = theirs.pack_padded_sequence(x, [5, 3])
        output, _ = self.nested["second"](self.first(packed)[0])
        return self.dropout(theirs.pad_packed_sequence(output)[0])


def test_a_model_keeps_its_structure_optimiser_hooks_and_mode() -> None:
    model, called = Tagger().eval(), list[Any]()
    model.first.train()
    removed = model.first.register_forward_hook(lambda *_: called.append("removed"))
    model.first.register_forward_hook(lambda module, *_: called.append(type(module)))
    model.first.register_load_state_dict_pre_hook(lambda module, *_: called.append(("load", type(module))))
    second: Any = model.nested["second"]
    second._register_load_state_dict_pre_hook(lambda *_: called.append(("load", "second")))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    expected, weight = model(normal(5, 2, 3)), model.first.weight_ih_l0
    called.clear()
    assert replace(model) is model
    removed.remove()
    assert type(model.first) is type(model.nested["second"]) is here.GRU
    assert model.alias is model.first
    assert (model.training, model.first.training) == (False, True)
    assert_same(model(normal(5, 2, 3)), expected)
    model.load_state_dict(model.state_dict())
    assert called[0] is here.GRU
    assert called[1:] == [("load", here.GRU), ("load", "second"), ("load", here.GRU)], "first, second, alias"
    before = weight.detach().clone()
    model(normal(5, 2, 3)).sum().backward()
    optimiser.step()
    assert model.first.weight_ih_l0 is weight
    assert not torch.equal(weight, before)


def test_a_model_loaded_from_a_pickle_of_torchs_classes() -> None:
    file, model = io.BytesIO(), torch.nn.Sequential(layer("LSTM"))
    torch.save(model, file)
    file.seek(0)
    loaded = replace(torch.load(file, weights_only=False), "fused")
    assert_same(loaded(normal(5, 2, 3)), model(normal(5, 2, 3)))


def test_subclasses_and_our_own_layers_stay() -> None:
    class Own(torch.nn.LSTM):
        pass

    modules = [Own(3, 4), here.GRU(3, 4), torch.nn.Linear(3, 4)]
    assert list(replace(torch.nn.Sequential(*modules)).children()) == modules


def test_what_replace_refuses() -> None:
    replace_: Any = replace
    with pytest.raises(TypeError, match=r"^replace: expected model to be a Module, got int$"):
        replace_(1)
    with pytest.raises(ValueError, match=r"^replace: expected engine to be 'steps' or 'fused', got 'warp'$"):
        replace(layer("GRU"), "warp")
    model = torch.nn.Sequential(layer("RNN"), parametrizations.weight_norm(layer("GRU"), "weight_hh_l0"))
    with pytest.raises(TypeError, match=r"^replace: expected GRU without parametrizations, got Param"):
        replace(model)
    assert type(model[0]) is torch.nn.RNN
