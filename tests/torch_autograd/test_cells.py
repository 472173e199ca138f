"""RNNCell, LSTMCell and GRUCell are torch.nn's; their weights are a layer's after a renaming."""

import copy
import pickle
from typing import Any

import pytest
import torch

from tests.torch_autograd.surface import (
    CELLS,
    OURS,
    THEIRS,
    assert_rounded_alike,
    assert_same,
    gradients,
    normal,
    outcome,
    pair,
    state_of,
    tensors,
)

MADE = [f"{cell}(3, 4{more})" for cell in CELLS for more in ("", ", False", ", 0", ", None", ", bias='x'")]
MADE += [f"{cell}(3, 4, dtype=float64, device='cpu')" for cell in CELLS]
MADE += ["RNNCell(3, 4, True, 'relu')", "RNNCell(3, 4, False, 'sin', 'cpu', float64)"]
MADE += ["LSTMCell(3, 4, True, 'cpu', float64)", "GRUCell(3, 4, True, 'cpu', float64)"]
MADE += [f"{cell}({sizes})" for cell in CELLS for sizes in ("0, 4", "3, 0", "0, 0", "3, 1", "np.int64(3), 4")]


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("code", MADE)
def test_constructed_alike_to_the_last_bit(code: str) -> None:
    made = []
    for names in (THEIRS, OURS):
        torch.manual_seed(7)
        cell = eval(code, names)
        attributes = {n: getattr(cell, n, "none") for n in ("bias", "input_size", "hidden_size")}
        attributes["nonlinearity"] = getattr(cell, "nonlinearity", "none")
        parameters = {n: (p.dtype, p.device, p.tolist()) for n, p in cell.named_parameters()}
        made.append((attributes, repr(cell), list(cell.state_dict()), parameters, cell.bias_hh is None))
    assert made[0] == made[1]


@pytest.mark.parametrize("name", CELLS)
def test_nothing_public_is_missing_and_little_is_new(name: str) -> None:
    theirs, ours = ({n for n in dir(cell) if not n.startswith("_")} for cell in pair(name, 3, 4))
    assert ours ^ theirs == {"cell", "engine"} | ({"reset_after"} if name == "GRUCell" else set())


@pytest.mark.parametrize("rows", [(2,), (0,), ()])
@pytest.mark.parametrize("options", [{}, {"bias": False}])
@pytest.mark.parametrize("name", CELLS)
def test_forms_of_call(name: str, options: dict[str, Any], rows: tuple[int, ...]) -> None:
    theirs, ours = pair(name, 3, 4, **options)
    x, h = normal(*rows, 3), state_of(name, *rows, 4)
    for arguments in ((x,), (x, None), (x, h)):
        assert_same(ours(*arguments), theirs(*arguments))
    assert_same(ours(input=x, hx=h), theirs(input=x, hx=h))
    if name == "LSTMCell":
        assert_same(ours(x, list(h)), theirs(x, list(h)))
    assert type(ours(x)) is type(theirs(x))
    assert_same(gradients(ours, ours(x, h)), gradients(theirs, theirs(x, h)))


def test_relu_and_the_stacked_state_of_one_row() -> None:
    theirs, ours = pair("RNNCell", 3, 4, nonlinearity="relu")
    assert_same(ours(normal(2, 3), normal(2, 4)), theirs(normal(2, 3), normal(2, 4)))
    theirs, ours = pair("LSTMCell", 3, 4)
    assert_same(ours(normal(3), normal(2, 4)), theirs(normal(3), normal(2, 4)))


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("sizes", [(0, 4), (3, 0), (0, 0)])
@pytest.mark.parametrize("name", CELLS)
def test_a_size_may_be_zero(name: str, sizes: tuple[int, int]) -> None:
    theirs, ours = pair(name, *sizes)
    x, h = normal(2, sizes[0]), state_of(name, 2, sizes[1])
    assert_same(ours(x, h), theirs(x, h))


TOLERANCE = {torch.float16: 5e-3, torch.bfloat16: 4e-2, torch.float32: 1e-6, torch.float64: 1e-12}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", CELLS)
def test_dtypes_forward_and_backward(name: str, dtype: torch.dtype) -> None:
    theirs, ours = pair(name, 3, 4, dtype=dtype)
    x, h = normal(2, 3, dtype=dtype), state_of(name, 2, 4, dtype=dtype)
    assert_rounded_alike(ours(x, h), theirs(x, h), TOLERANCE[dtype])
    assert {y.dtype for y in tensors(ours(x))} == {dtype}
    assert_rounded_alike(gradients(ours, ours(x, h)), gradients(theirs, theirs(x, h)), TOLERANCE[dtype])


@pytest.mark.parametrize("names", [THEIRS, OURS])
@pytest.mark.parametrize("name", CELLS)
def test_a_cells_weights_are_a_layers_after_renaming(name: str, names: dict[str, Any]) -> None:
    _, cell = pair(name, 3, 4)
    layer = names[name.removesuffix("Cell")](3, 4, dtype=torch.float64)
    renamed = {f"{key}_l0": value for key, value in cell.state_dict().items()}
    assert str(layer.load_state_dict(renamed)) == "<All keys matched successfully>"
    x, state = normal(5, 2, 3), None
    outputs = []
    for x_t in x:
        state = cell(x_t, state)
        outputs.append(state[0] if name == "LSTMCell" else state)
    assert_same(torch.stack(outputs), layer(x)[0])
    back = {key.removesuffix("_l0"): value for key, value in layer.state_dict().items()}
    assert str(cell.load_state_dict(back)) == "<All keys matched successfully>"


@pytest.mark.parametrize("name", CELLS)
def test_a_state_dict_is_strict_with_torchs_texts(name: str) -> None:
    theirs, ours = pair(name, 3, 4)
    for change in ({"bias_hh": torch.zeros(5)}, {"weight_hr": torch.zeros(2, 4)}):
        words = {"theirs": theirs, "ours": ours, "bad": theirs.state_dict() | change}
        assert outcome("ours.load_state_dict(bad)", words) == outcome("theirs.load_state_dict(bad)", words)


@pytest.mark.parametrize("name", CELLS)
def test_replaced_weights_and_copies(name: str) -> None:
    theirs, ours = pair(name, 3, 4)
    for module in (theirs, ours):
        module.weight_hh = torch.nn.Parameter(normal(*module.weight_hh.shape, seed=5))
    x, h = normal(2, 3), state_of(name, 2, 4)
    assert_same(ours(x, h), theirs(x, h))
    for twin in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert repr(twin) == repr(ours)
        assert_same(twin(x, h), ours(x, h))
        twin.weight_hh.data.zero_()
        assert ours.weight_hh.abs().sum() > 0
