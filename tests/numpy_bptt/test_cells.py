"""The NumPy cells against torch.nn's: every output and gradient; copies, errors, weights in and out."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import torch
from numpy import ndarray

from scratch_rnn import numpy_bptt
from scratch_rnn.numpy_bptt import LSTM, GRUCell, LSTMCell, RNNCell
from scratch_rnn.parity.cases import KINDS, Case, make_data
from scratch_rnn.parity.contenders import numpy_layer
from tests.parity import assert_parity

each_kind = pytest.mark.parametrize("kind", KINDS)


def make(kind: str, bias: bool = True) -> tuple[Any, Any]:
    """(our cell, torch.nn's) in float64."""
    case = Case(kind, cell=True, bias=bias)
    return numpy_layer(case), getattr(torch.nn, case.name)(**case.arguments, dtype=torch.float64)


def parts(state: Any) -> list[Any]:
    """The arrays of a state."""
    return list(state) if isinstance(state, tuple) else [state]


def whole(arrays: list[Any]) -> Any:
    """The reverse of `parts`."""
    return tuple(arrays) if len(arrays) > 1 else arrays[0]


def draw(kind: str, rows: int | None) -> tuple[list[ndarray], Any, Any]:
    """(inputs, a state, and the cotangent of the next one)."""
    data = make_data(Case(kind, cell=True, rows=rows))
    return data.xs, whole([*data.states.values()]), whole([*data.d_states.values()])


@each_kind
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [3, 1, 0, None])
@pytest.mark.parametrize("state", [True, False])
def test_three_steps_are_torchs(kind: str, bias: bool, rows: int | None, state: bool) -> None:
    assert_parity("numpy", "steps", Case(kind, cell=True, calls=3, bias=bias, rows=rows, state=state))


@each_kind
@pytest.mark.parametrize("rows", [3, None])
def test_nothing_is_shared_and_inputs_are_never_written_to(kind: str, rows: int | None) -> None:
    cell, _ = make(kind)
    xs, state, d_next = draw(kind, rows)
    arguments = [xs[0], *parts(state), *parts(d_next)]
    before = [array.copy() for array in arguments]
    state_next, tape = cell.forward(xs[0], state)
    d_x, d_state, grads = cell.backward(tape, d_next)
    results = [*parts(state_next), d_x, *parts(d_state), *grads.values()]
    expected = [array.copy() for array in results]
    for ours, was in zip(arguments, before, strict=True):
        np.testing.assert_array_equal(ours, was)
    for a, b in combinations([*results, *arguments], 2):
        assert not np.shares_memory(a, b)
    d_copy = whole([d.copy() for d in parts(d_next)])
    # Nothing that the caller does afterwards changes the tape, and it can be used twice.
    for array in [*arguments, *results]:
        array[...] = np.nan
    cell.load_state_dict({name: -2 * array for name, array in cell.state_dict().items()})
    cell.forward(xs[0] * 0, None)
    for _ in range(2):
        d_x, d_state, grads = cell.backward(tape, d_copy)
        for ours, was in zip(
            [d_x, *parts(d_state), *grads.values()], expected[len(parts(state)) :], strict=True
        ):
            np.testing.assert_array_equal(ours, was)


@each_kind
def test_a_plain_call_is_forward_without_the_tape(kind: str) -> None:
    cell, _ = make(kind)
    xs, state, _ = draw(kind, 3)
    for ours, expected in zip(parts(cell(xs[0], state)), parts(cell.forward(xs[0], state)[0]), strict=True):
        np.testing.assert_array_equal(ours, expected)


@each_kind
def test_none_in_a_state_or_its_gradient_is_zeros(kind: str) -> None:
    cell, _ = make(kind)
    xs, state, d_next = draw(kind, 3)
    for k in range(len(parts(state))):
        some, zeros, d_some, d_zeros = (list(parts(s)) for s in (state, state, d_next, d_next))
        some[k], zeros[k], d_some[k], d_zeros[k] = None, 0 * zeros[k], None, 0 * d_zeros[k]
        _, tape = cell.forward(xs[0], whole(some))
        _, tape_zeros = cell.forward(xs[0], whole(zeros))
        d_x, _, grads = cell.backward(tape, whole(d_some))
        d_x_zeros, _, grads_zeros = cell.backward(tape_zeros, whole(d_zeros))
        np.testing.assert_array_equal(d_x, d_x_zeros)
        for name, grad in grads.items():
            np.testing.assert_array_equal(grad, grads_zeros[name])


@each_kind
@pytest.mark.parametrize("bias", [True, False])
def test_repr_and_attributes_are_torchs(kind: str, bias: bool) -> None:
    ours, theirs = make(kind, bias)
    assert repr(ours) == repr(theirs)
    for name in ("input_size", "hidden_size", "bias"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert getattr(ours, "nonlinearity", None) == getattr(theirs, "nonlinearity", None)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})


@each_kind
def test_first_weights_are_drawn_from_rng_within_torchs_bound(kind: str) -> None:
    case = Case(kind, cell=True, inputs=3, hidden=25)
    cls = getattr(numpy_bptt, case.name)
    seeds: tuple[Any, ...] = (1, np.random.default_rng(1), np.int64(1), 2, None, None)
    first, generator, integer, *others = (cls(**case.arguments, rng=seed).state_dict() for seed in seeds)
    for name, array in first.items():
        assert array.dtype == np.float32
        assert 0.15 < np.abs(array).max() <= 0.2  # 1/√25
        np.testing.assert_array_equal(array, generator[name])
        np.testing.assert_array_equal(array, integer[name])
        for a, b in combinations([array, *(other[name] for other in others)], 2):
            assert np.all(a != b)


def x(*shape: int, dtype: str = "float32") -> ndarray:
    """An input of this shape."""
    return np.ones(shape, dtype)


LSTM_: Any = LSTMCell(2, 3)
GRU_: Any = GRUCell(2, 3)
REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: RNNCell(0, 3), ValueError, "RNNCell: expected input_size to be at least 1, got 0"),
    (lambda: GRUCell(2, -1), ValueError, "GRUCell: expected hidden_size to be at least 1, got -1"),
    (lambda: LSTMCell(2, 3, 1), TypeError, "LSTMCell: expected bias to be True or False, got 1"),  # type: ignore[arg-type]
    (
        lambda: RNNCell(2, 3, True, "sigmoid"),
        ValueError,
        "RNNCell: expected nonlinearity to be 'tanh' or 'relu', got 'sigmoid'",
    ),
    (lambda: GRUCell(2, 3, dtype=int), TypeError, "GRUCell: expected dtype float32 or float64, got int64"),
    (
        lambda: GRUCell(2, 3, rng=0.5),  # type: ignore[arg-type]
        TypeError,
        "GRUCell: expected rng to be a numpy.random.Generator, an int seed or None, got float",
    ),
    (lambda: GRU_([1.0, 2.0]), TypeError, "GRUCell: expected input to be a numpy array, got list"),
    (
        lambda: GRU_(x(2, dtype="float64")),
        TypeError,
        "GRUCell: expected input of dtype float32, got float64 "
        "(use input.astype(np.float32), or GRUCell(..., dtype=np.float64))",
    ),
    (
        lambda: GRU_(np.ma.masked_array(x(5, 2))),
        TypeError,
        "GRUCell: expected input to be a numpy array, got MaskedArray, a subclass of numpy.ndarray "
        "(input = numpy.asarray(input) takes its data alone)",
    ),
    (
        lambda: GRU_(x(4, 5, 2)),
        ValueError,
        "GRUCell: expected input of shape (N, I) = (N, 2), got (4, 5, 2)",
    ),
    (lambda: GRU_(x(3)), ValueError, "GRUCell: expected input of shape (I,) = (2,), got (3,)"),
    (
        lambda: GRU_(x(5, 2), x(4, 3)),
        ValueError,
        "GRUCell: expected h of shape (N, H) = (5, 3), got (4, 3)",
    ),
    (lambda: GRU_(x(2), x(1, 3)), ValueError, "GRUCell: expected h of shape (H,) = (3,), got (1, 3)"),
    (lambda: LSTM_(x(2), x(3)), ValueError, "LSTMCell: expected a state (h, c), got ndarray"),
    (
        lambda: LSTM_(x(5, 2), (None, x(5, 2))),
        ValueError,
        "LSTMCell: expected c of shape (N, H) = (5, 3), got (5, 2)",
    ),
    (
        lambda: LSTM_.backward(LSTM_.forward(x(5, 2))[1], (x(3), None)),
        ValueError,
        "LSTMCell: expected d_h of shape (N, H) = (5, 3), got (3,)",
    ),
    (
        lambda: LSTM_.backward(LSTM_.forward(x(2))[1], x(3)),
        ValueError,
        "LSTMCell: expected a d_state (h, c), got ndarray",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), REFUSED, ids=[text for _, _, text in REFUSED])
def test_refused(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.parametrize("other", [GRUCell(2, 4), LSTMCell(2, 3), GRUCell(2, 3, False), LSTM(2, 3)])
def test_a_tape_of_another_cell_is_refused(other: Any) -> None:
    with pytest.raises(ValueError, match=r"GRUCell: expected a tape of \(Sizes"):
        GRU_.backward(other.forward(x(4, 2))[-1], x(4, 3))
