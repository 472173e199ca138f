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
from tests.parity import assert_all_close

KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "rnn tanh": ("RNNCell", {}),
    "rnn relu": ("RNNCell", {"nonlinearity": "relu"}),
    "lstm": ("LSTMCell", {}),
    "gru": ("GRUCell", {}),
}
INPUTS, HIDDEN, STEPS = 4, 6, 3
each_kind = pytest.mark.parametrize("kind", KINDS)


def make(kind: str, bias: bool = True, seed: int = 0) -> tuple[Any, Any]:
    """(our cell, torch.nn's) in float64 with the same parameters, none of them zero."""
    name, options = KINDS[kind]
    ours = getattr(numpy_bptt, name)(INPUTS, HIDDEN, bias, **options, dtype=np.float64)
    theirs = getattr(torch.nn, name)(INPUTS, HIDDEN, bias, **options, dtype=torch.float64)
    rng = np.random.default_rng(seed)
    params = {n: rng.normal(size=tuple(p.shape)) for n, p in theirs.named_parameters()}
    ours.load_state_dict(params)
    theirs.load_state_dict({n: torch.tensor(p) for n, p in params.items()})
    return ours, theirs


def parts(state: Any) -> list[Any]:
    """The arrays of a state."""
    return list(state) if isinstance(state, tuple) else [state]


def whole(arrays: list[Any]) -> Any:
    """The reverse of `parts`."""
    return tuple(arrays) if len(arrays) > 1 else arrays[0]


def draw(kind: str, batch: tuple[int, ...], seed: int = 1) -> tuple[list[ndarray], Any, Any]:
    """(one x per step, the first state, the cotangent of the last one)."""
    rng, width = np.random.default_rng(seed), 2 if kind == "lstm" else 1
    xs = [rng.normal(size=(*batch, INPUTS)) for _ in range(STEPS)]
    first, last = ([rng.normal(size=(*batch, HIDDEN)) for _ in range(width)] for _ in range(2))
    return xs, whole(first), whole(last)


@each_kind
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch", [(3,), (1,), (0,), ()], ids=str)
@pytest.mark.parametrize("first", ["given", "none"])
def test_three_steps_are_torchs(kind: str, bias: bool, batch: tuple[int, ...], first: str) -> None:
    cell, oracle = make(kind, bias)
    xs, given, d_last = draw(kind, batch)
    state, tapes = given if first == "given" else None, []
    for x in xs:
        state, tape = cell.forward(x, state)
        tapes.append(tape)
    ours = {f"state{k}": s for k, s in enumerate(parts(state))}
    d_state, sums = d_last, dict.fromkeys(cell.state_dict(), 0.0)
    for t in reversed(range(STEPS)):
        ours[f"d_x{t}"], d_state, grads = cell.backward(tapes[t], d_state)
        assert list(grads) == list(sums)
        sums = {name: sums[name] + grads[name] for name in sums}
    ours |= {f"d_state{k}": s for k, s in enumerate(parts(d_state))}
    ours |= {f"d_{name}": grad for name, grad in sums.items()}

    zero = 1.0 if first == "given" else 0.0
    leaves = {f"d_x{t}": torch.tensor(x, requires_grad=True) for t, x in enumerate(xs)}
    states = [torch.tensor(zero * s, requires_grad=True) for s in parts(given)]
    leaves |= {f"d_state{k}": s for k, s in enumerate(states)}
    leaves |= {f"d_{name}": p for name, p in oracle.named_parameters()}
    hx = whole(states)
    for t in range(STEPS):
        hx = oracle(leaves[f"d_x{t}"], hx)
    cotangents = [torch.tensor(d) for d in parts(d_last)]
    found = torch.autograd.grad(parts(hx), list(leaves.values()), cotangents)
    expected = {f"state{k}": s.detach().numpy() for k, s in enumerate(parts(hx))}
    assert_all_close(ours, expected | {n: g.numpy() for n, g in zip(leaves, found, strict=True)})


@each_kind
@pytest.mark.parametrize("batch", [(3,), ()], ids=str)
def test_nothing_is_shared_and_inputs_are_never_written_to(kind: str, batch: tuple[int, ...]) -> None:
    cell, _ = make(kind)
    xs, state, d_next = draw(kind, batch)
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
    xs, state, _ = draw(kind, (3,))
    for ours, expected in zip(parts(cell(xs[0], state)), parts(cell.forward(xs[0], state)[0]), strict=True):
        np.testing.assert_array_equal(ours, expected)


@each_kind
def test_none_in_a_state_or_its_gradient_is_zeros(kind: str) -> None:
    cell, _ = make(kind)
    xs, state, d_next = draw(kind, (3,))
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
    name, options = KINDS[kind]
    cls = getattr(numpy_bptt, name)
    seeds: tuple[Any, ...] = (1, np.random.default_rng(1), np.int64(1), 2, None, None)
    first, generator, integer, *others = (cls(3, 25, **options, rng=seed).state_dict() for seed in seeds)
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
