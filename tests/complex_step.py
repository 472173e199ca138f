"""Every hand-written adjoint against the complex step, without torch; run by test_complex_step.py.

The method is in scratch_rnn/parity/complex_step.py. Needs JAXTYPING_DISABLE=1: the annotations refuse complex
numbers.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy import ndarray

from scratch_rnn.numpy_bptt import gru, gru_reset_before, layer, lstm, ops, rnn, stack
from scratch_rnn.numpy_bptt.engines import Bound
from scratch_rnn.parity.complex_step import errors

BOUND = 1e-12

Function = Callable[..., Sequence[ndarray]]


def check(f: Function, arguments: Sequence[ndarray], adjoint: Function, seed: int = 0) -> None:
    """Raise AssertionError unless `adjoint` is f's, argument by argument."""
    rng = np.random.default_rng(seed)
    d_ys = [rng.normal(size=y.shape) for y in f(*arguments)]
    grads = adjoint(*d_ys)
    assert [grad.shape for grad in grads] == [x.shape for x in arguments]
    names = [f"argument {number}" for number in range(len(arguments))]
    values, named = (dict(zip(names, arrays, strict=True)) for arrays in (arguments, grads))
    for name, error in errors(lambda changed: f(*changed.values()), values, d_ys, named, seed):
        assert error <= BOUND, f"{name}: {error}"  # NaN, where no result depends on it, is not


def normal(*shape: int) -> ndarray:
    """Random numbers, the same for the same shape."""
    return np.random.default_rng(shape).normal(size=shape)


def given(values: Any) -> list[ndarray]:
    """All arrays; None (no bias, no projection) is left out."""
    return [value for value in values if value is not None]


X = np.vstack([normal(5, 4), [[800.0, -800.0, 0.5, 30.0]]])
INDICES = np.array([2, 0, 2, 2, 6, 0])
TARGET = np.array([3, 0, 1, 1, 2, 0])
LOGITS = np.vstack([normal(4, 4), [[1e4, 1e4 - 1, -1e4, 0.0], [-1e4, -1e4 + 2, -1e4 - 1, -1e4]]])
W, B = normal(3, 4), normal(3)

OPS: dict[str, tuple[Function, list[ndarray], Function]] = {
    "sigmoid": (
        lambda x: [ops.sigmoid(x)],
        [X],
        lambda d: [ops.sigmoid_backward(d, ops.sigmoid(X))],
    ),
    "tanh": (lambda x: [np.tanh(x)], [X], lambda d: [ops.tanh_backward(d, np.tanh(X))]),
    "relu": (lambda x: [ops.relu(x)], [X], lambda d: [ops.relu_backward(d, ops.relu(X))]),
    "linear": (
        lambda *a: [ops.linear(*a)],
        [X, W, B],
        lambda d: given(ops.linear_backward(d, X, W, B)),
    ),
    "linear without bias": (
        lambda x, w: [ops.linear(x, w, None)],
        [X, W],
        lambda d: given(ops.linear_backward(d, X, W, None)),
    ),
    "embedding": (
        lambda w: [ops.embedding(INDICES, w)],
        [normal(7, 3)],
        lambda d: [ops.embedding_backward(d, INDICES, normal(7, 3))],
    ),
    "log_softmax": (
        lambda x: [ops.log_softmax(x)],
        [LOGITS],
        lambda d: [ops.log_softmax_backward(d, ops.log_softmax(LOGITS))],
    ),
    "nll": (lambda x: [ops.nll(x, TARGET)], [LOGITS], lambda d: [ops.nll_backward(d, LOGITS, TARGET)]),
    "cross_entropy": (
        lambda x: [ops.cross_entropy(x, TARGET)],
        [LOGITS],
        lambda d: [ops.cross_entropy_backward(d, LOGITS, TARGET)],
    ),
    "squared_error": (
        lambda x: [ops.squared_error(x, normal(6, 4))],
        [X],
        lambda d: [ops.squared_error_backward(d, X, normal(6, 4))],
    ),
}


def test_no_torch() -> None:
    assert "torch" not in sys.modules


def test_every_op_is_here() -> None:
    adjoints = {name.removesuffix("_backward") for name in vars(ops) if name.endswith("_backward")}
    assert adjoints == {name.split()[0] for name in OPS}


@pytest.mark.parametrize("name", OPS)
def test_ops(name: str) -> None:
    for seed in range(5):
        check(*OPS[name], seed)


T, N, INPUTS, HIDDEN, PROJECTED = 5, 3, 4, 6, 2
CELLS: dict[str, tuple[Any, Any, int, int]] = {  # module, step, gates, width of h
    "rnn tanh": (rnn, rnn.step, 1, HIDDEN),
    "rnn relu": (rnn, partial(rnn.step, nonlinearity="relu"), 1, HIDDEN),
    "lstm": (lstm, lstm.step, 4, HIDDEN),
    "lstm projected": (lstm, lstm.step, 4, PROJECTED),
    "gru": (gru, gru.step, 3, HIDDEN),
    "gru reset before": (gru_reset_before, gru_reset_before.step, 3, HIDDEN),
}


def arguments(name: str, bias: bool, inputs: int = INPUTS) -> tuple[list[ndarray], list[ndarray]]:
    """(the state, the parameters) of one direction of one layer."""
    cell, _, gates, width = CELLS[name]
    g = gates * HIDDEN
    states = [normal(N, width), normal(N, HIDDEN) + 0.1][: len(cell.State._fields)]
    params = [normal(g, inputs), normal(g, width)] + [normal(g) + i for i in range(2 if bias else 0)]
    return states, [p / 2 for p in params] + ([normal(PROJECTED, HIDDEN)] if width == PROJECTED else [])


def as_params(name: str, bias: bool, arrays: Sequence[ndarray]) -> Any:
    """The arrays of `arguments` as the cell's Params."""
    fields = ["weight_ih", "weight_hh"] + ["bias_ih", "bias_hh"] * bias
    fields += ["weight_hr"] * (CELLS[name][3] == PROJECTED)
    return CELLS[name][0].Params(**dict(zip(fields, arrays, strict=True)))


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("bias", [True, False])
def test_cells(name: str, bias: bool) -> None:
    cell, step, _, _ = CELLS[name]
    states, params = arguments(name, bias)
    split = 1 + len(states)

    def forward(*a: ndarray) -> Any:
        return step(a[0], cell.State(*a[1:split]), as_params(name, bias, a[split:]))

    whole = [normal(N, INPUTS), *states, *params]
    _, cache = forward(*whole)

    def adjoint(*d_states: ndarray) -> list[ndarray]:
        p = as_params(name, bias, params)
        d_x, d_state, d_params = cell.step_backward(cell.State(*d_states), cache, p)
        return [d_x, *d_state, *given(d_params)]

    check(lambda *a: forward(*a)[0], whole, adjoint)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("batch_sizes", [(N,) * T, (3, 2, 2, 1), (3,)])
def test_layer(name: str, reverse: bool, batch_sizes: tuple[int, ...]) -> None:
    cell, step, _, _ = CELLS[name]
    states, params = arguments(name, True)
    split = 1 + len(states)

    def forward(*a: ndarray) -> Any:
        p = as_params(name, True, a[split:])
        return layer.forward(step, a[0], batch_sizes, cell.State(*a[1:split]), p, reverse, True)

    whole = [normal(sum(batch_sizes), INPUTS), *states, *params]
    tape = forward(*whole)[2]

    def adjoint(d_y: ndarray, *d_states: ndarray) -> list[ndarray]:
        d_x, d_state, d_params = layer.backward(cell.step_backward, d_y, cell.State(*d_states), tape)
        return [d_x, *d_state, *given(d_params)]

    check(lambda *a: [forward(*a)[0], *forward(*a)[1]], whole, adjoint)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("directions", [1, 2])
def test_stack_with_dropout(name: str, directions: int) -> None:
    cell, step, _, width = CELLS[name]
    batch_sizes, layers = (3, 2, 2, 1), 3
    engine: Any = Bound(partial(layer.forward, step), partial(layer.backward, cell.step_backward))
    rows, output = sum(batch_sizes), directions * width
    masks = [None] + [2.0 * (normal(rows, output) + k > 0) for k in range(1, layers)]
    whole = [normal(rows, INPUTS)]
    for k in range(layers):
        states, params = arguments(name, True, output if k else INPUTS)
        whole += [a + 0.01 * k for _ in range(directions) for a in [*states, *params]]
    each = len(states) + len(params)

    def forward(*a: ndarray) -> Any:
        parts = [a[1 + s * each :][:each] for s in range(layers * directions)]
        first = [cell.State(*part[: len(states)]) for part in parts]
        weights = [as_params(name, True, part[len(states) :]) for part in parts]
        return stack.forward(engine, a[0], batch_sizes, first, weights, masks, True)

    tape = forward(*whole)[2]

    def adjoint(d_y: ndarray, *d_states: ndarray) -> list[ndarray]:
        d_n = [cell.State(*d_states[i : i + len(states)]) for i in range(0, len(d_states), len(states))]
        d_x, d_first, d_params = stack.backward(engine, d_y, d_n, tape)
        pairs = zip(d_first, d_params, strict=True)
        return [d_x, *(d for d_s, d_p in pairs for d in [*d_s, *given(d_p)])]

    check(lambda *a: [forward(*a)[0], *(s for state in forward(*a)[1] for s in state)], whole, adjoint)


def test_a_nan_gradient_is_found() -> None:
    x, d_y = X[:2, :2], np.ones((2, 2))
    found = errors(lambda named: [2 * named["x"]], {"x": x}, [d_y], {"x": np.full_like(x, np.nan)}, seed=0)
    assert dict(found) == {"x": float("inf")}
