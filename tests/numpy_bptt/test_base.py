"""Sizes, repr, seeds and parameters of the NumPy layers: what is taken in, what is refused, what is shown."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy import ndarray

from scratch_rnn import numpy_bptt
from scratch_rnn.numpy_bptt import GRU, LSTM, RNN, GRUCell
from scratch_rnn.parity.cases import KINDS, Case, make_data
from scratch_rnn.parity.contenders import ENGINES

OPTIONS: list[dict[str, Any]] = [
    {},
    {"num_layers": 2},
    {"bias": False},
    {"batch_first": True, "bidirectional": True},
    {"num_layers": 3, "bias": False, "batch_first": True, "dropout": 0.25, "bidirectional": True},
]


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("proj_size", [0, 2])
def test_repr_and_attributes_are_torchs(name: str, options: dict[str, Any], proj_size: int) -> None:
    if proj_size and name == "LSTM":
        options = options | {"proj_size": proj_size}
    ours, theirs = getattr(numpy_bptt, name)(3, 5, **options), getattr(torch.nn, name)(3, 5, **options)
    assert repr(ours) == repr(theirs)
    sizes = ("input_size", "hidden_size", "num_layers", "bias", "bidirectional", "proj_size")
    for attribute in (*sizes, "batch_first", "dropout"):
        assert getattr(ours, attribute) == getattr(theirs, attribute), attribute
    for attribute in sizes:
        with pytest.raises(AttributeError):
            setattr(ours, attribute, 1)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_an_int_seed_is_a_generator_of_that_seed(name: str) -> None:
    cls = getattr(numpy_bptt, name)
    options = {"num_layers": 2, "dropout": 0.5}
    seeds: tuple[Any, ...] = (7, np.random.default_rng(7), np.uint8(7), 8)
    layers = [cls(3, 5, **options, rng=seed) for seed in seeds]
    x = np.ones((6, 2, 3), np.float32)
    first, *same, other = ([*layer.state_dict().values(), layer.forward(x)[0]] for layer in layers)
    for arrays in same:
        for a, b in zip(first, arrays, strict=True):
            np.testing.assert_array_equal(a, b)
    assert all(np.any(a != b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("proj", [0, 3])
def test_a_layer_from_its_arrays_alone(
    kind: str, layers: int, bidirectional: bool, bias: bool, proj: int
) -> None:
    proj = proj if kind == "lstm" else 0
    case = Case(kind, layers=layers, bidirectional=bidirectional, bias=bias, proj=proj, batch_first=True)
    data, cls = make_data(case), getattr(numpy_bptt, case.name)
    expected = cls(**case.arguments, dtype=np.float64)
    expected.load_state_dict(data.params)
    options = {"nonlinearity": "relu"} if kind == "rnn_relu" else {}
    made = cls.from_state_dict(data.params, batch_first=True, **options)
    assert (type(made), made.dtype, repr(made)) == (type(expected), np.float64, repr(expected))
    np.testing.assert_array_equal(made(data.xs[0])[0], expected(data.xs[0])[0])


def test_from_state_dict_takes_every_option() -> None:
    named = LSTM(2, 3, 2, rng=0).state_dict()
    options: list[dict[str, Any]] = [{"dropout": 0.5, "rng": 1, "engine": engine} for engine in ENGINES]
    for option in options:
        made = LSTM.from_state_dict(named, dtype=np.float64, **option)
        assert (made.dropout, made.engine, made.dtype.name) == (0.5, option["engine"], "float64")
        x = np.ones((4, 5, 2))
        again = LSTM.from_state_dict(named, dtype=np.float64, **option)
        np.testing.assert_array_equal(made.forward(x)[0], again.forward(x)[0])
    as_lists = {name: array.tolist() for name, array in named.items()}
    assert GRU.from_state_dict(GRU(2, 3).state_dict()).dtype == np.float32
    assert LSTM.from_state_dict(as_lists).dtype == np.float64
    with pytest.raises(TypeError, match="LSTM: expected dtype float32 or float64, got float16"):
        LSTM.from_state_dict({name: array.astype(np.float16) for name, array in named.items()})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"weight_ih_l0": None}, "GRU: expected a parameter weight_ih_l0, got ['bias_hh_l0', "),
        ({"weight_hh_l0": np.ones((9, 4))}, "GRU: expected weight_hh_l0 of shape (9, 3), got (9, 4)"),
        (
            {"weight_ih_l0": np.ones((8, 2))},
            "GRU: expected weight_ih_l0 of shape (G, I) with G = 3 gates × H",
        ),
        ({"weight_ih_l0": np.ones(9)}, "GRU: expected weight_ih_l0 of shape (G, I), got (9,)"),
        ({"weight_ih_l2": np.ones((9, 3))}, "GRU: expected torch's parameter names, got a mapping without ["),
        ({"weight_hr_l0": np.ones((2, 3))}, "GRU: expected "),
        ({"head": np.ones(3)}, "GRU: expected torch's parameter names, got a mapping without [] and with"),
    ],
)
def test_arrays_that_are_no_layer(change: dict[str, Any], text: str) -> None:
    named: dict[str, Any] = {**GRU(2, 3).state_dict(), **change}
    with pytest.raises(ValueError, match="GRU: expected") as caught:
        GRU.from_state_dict({name: array for name, array in named.items() if array is not None})
    assert str(caught.value).startswith(text)


def bias(*values: Any, dtype: Any = None) -> ndarray:
    """Nine values."""
    return np.array(list(values) * (9 // len(values)), dtype)


REAL = "bias_hh to be an array of real numbers"
SUBCLASS = "a subclass of numpy.ndarray (bias_hh = numpy.asarray(bias_hh) takes its data alone)"


@pytest.mark.parametrize("layer", [GRUCell(2, 3), GRU(2, 3)], ids=str)
@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (bias(1j), TypeError, f"{REAL}, got dtype complex128"),
        (bias("1"), TypeError, f"{REAL}, got dtype <U1"),
        (bias(None), TypeError, f"{REAL}, got dtype object"),
        (bias(True), TypeError, f"{REAL}, got dtype bool"),
        ("one", TypeError, f"{REAL}, got dtype <U3"),
        ([[1.0], 2.0], TypeError, f"{REAL}, got list: setting an array element with a sequence"),
        (torch.ones(9, requires_grad=True), TypeError, f"{REAL}, got Tensor: Can't call numpy()"),
        (
            np.ma.masked_array(bias(1.0)),
            TypeError,
            f"bias_hh to be a numpy array, got MaskedArray, {SUBCLASS}",
        ),
        (bias(1.0, -1e39, 1.0), ValueError, "bias_hh to fit in float32, got the value -1e+39"),
    ],
    ids=["complex", "text", "object", "bool", "word", "ragged", "requires grad", "masked", "overflow"],
)
def test_a_refused_parameter_is_named_and_nothing_has_changed(
    layer: Any, value: Any, error: type[Exception], text: str
) -> None:
    before = layer.state_dict()
    suffix = "_l0" if isinstance(layer, GRU) else ""
    given = {name: array + 1 for name, array in before.items()} | {f"bias_hh{suffix}": value}
    with pytest.raises(error) as caught:
        layer.load_state_dict(given)
    expected = f"{type(layer).__name__}: expected {text}".replace("bias_hh", f"bias_hh{suffix}")
    assert str(caught.value).startswith(expected)
    for name, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_parameters_that_are_taken() -> None:
    layer = GRU(2, 3)
    names = layer.state_dict()
    layer.load_state_dict({name: torch.ones(a.shape, dtype=torch.int32) for name, a in names.items()})
    layer.load_state_dict({name: np.ones(a.shape, np.uint8).tolist() for name, a in names.items()})
    assert all(np.all(a == 1) and a.dtype == np.float32 for a in layer.state_dict().values())
    infinite = {name: np.full(a.shape, -np.inf) for name, a in names.items()}
    layer.load_state_dict(infinite)  # infinite before, infinite after: no overflow
    np.testing.assert_array_equal(layer.state_dict()["bias_hh_l0"], infinite["bias_hh_l0"])
    with pytest.raises(TypeError, match="RNN: expected a mapping from names to arrays, got list"):
        RNN(2, 3).load_state_dict([1, 2])  # type: ignore[arg-type]
