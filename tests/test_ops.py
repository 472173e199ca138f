"""The pieces of numpy_bptt/ops.py against torch's functions, values and gradients, the extremes included."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from scratch_rnn.numpy_bptt import ops
from tests.parity import assert_close

RNG = np.random.default_rng(0)
FAR = np.array([[0.0, -0.0, 1e-300, 800.0, -800.0, 37.0, -37.0, -745.0]])
X = np.vstack([RNG.normal(size=(5, 8)), FAR])
LOGITS = np.vstack([RNG.normal(size=(5, 8)), 1e4 * RNG.normal(size=(1, 8))])
INDICES = np.array([3, 0, 3, 3, 7, 0])  # rows that are read several times, and rows that never are
TARGET = RNG.normal(size=(6, 8))
W, B = RNG.normal(size=(5, 8)), RNG.normal(size=5)


def from_result(f: Any, backward: Any) -> Callable[..., Any]:
    """An adjoint that works from its function's result."""
    return lambda d, x: [backward(d, f(x))]


OPS: dict[str, tuple[Any, Callable[..., Any], Any, list[np.ndarray]]] = {
    "sigmoid": (ops.sigmoid, from_result(ops.sigmoid, ops.sigmoid_backward), torch.sigmoid, [X]),
    "tanh": (np.tanh, from_result(np.tanh, ops.tanh_backward), torch.tanh, [X]),
    "relu": (ops.relu, from_result(ops.relu, ops.relu_backward), torch.relu, [X]),
    "linear": (ops.linear, ops.linear_backward, F.linear, [X, W, B]),
    "linear without bias": (
        lambda x, w: ops.linear(x, w, None),
        lambda d, x, w: ops.linear_backward(d, x, w, None)[:2],
        F.linear,
        [X, W],
    ),
    "embedding": (
        lambda w: ops.embedding(INDICES, w),
        lambda d, w: [ops.embedding_backward(d, INDICES, w)],
        lambda w: F.embedding(torch.tensor(INDICES), w),
        [RNG.normal(size=(9, 4))],
    ),
    "log_softmax": (
        ops.log_softmax,
        from_result(ops.log_softmax, ops.log_softmax_backward),
        lambda x: F.log_softmax(x, dim=1),
        [LOGITS],
    ),
    "nll": (
        lambda x: ops.nll(x, INDICES),
        lambda d, x: [ops.nll_backward(d, x, INDICES)],
        lambda x: F.nll_loss(x, torch.tensor(INDICES), reduction="none"),
        [LOGITS],
    ),
    "cross_entropy": (
        lambda x: ops.cross_entropy(x, INDICES),
        lambda d, x: [ops.cross_entropy_backward(d, x, INDICES)],
        lambda x: F.cross_entropy(x, torch.tensor(INDICES), reduction="none"),
        [LOGITS],
    ),
    "squared_error": (
        lambda x: ops.squared_error(x, TARGET),
        lambda d, x: [ops.squared_error_backward(d, x, TARGET)],
        lambda x: F.mse_loss(x, torch.tensor(TARGET), reduction="none").mean(dim=1),
        [X / 100],
    ),
}


@pytest.mark.parametrize("name", OPS)
def test_values_and_gradients_are_torchs(name: str) -> None:
    f, adjoint, oracle, arguments = OPS[name]
    leaves = [torch.tensor(a, requires_grad=True) for a in arguments]
    y, expected = f(*arguments), oracle(*leaves)
    assert_close(name, y, expected.detach())
    d_y = np.random.default_rng(1).normal(size=y.shape)
    expected_grads = torch.autograd.grad(expected, leaves, torch.tensor(d_y))
    for ours, theirs in zip(adjoint(d_y, *arguments), expected_grads, strict=True):
        assert_close(f"{name}'s gradient", ours, theirs)


def test_every_adjoint_is_tested() -> None:
    adjoints = {name.removesuffix("_backward") for name in vars(ops) if name.endswith("_backward")}
    assert adjoints == {name.split()[0] for name in OPS}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sigmoid_neither_overflows_nor_loses_its_tails(dtype: str) -> None:
    far = 800.0 if dtype == "float64" else 100.0
    y = ops.sigmoid(np.array([-far, -30.0, 0.0, 30.0, far, np.inf, -np.inf], dtype))
    assert y.dtype == dtype
    assert y[[0, 2, 4, 5, 6]].tolist() == pytest.approx([0.0, 0.5, 1.0, 1.0, 0.0], abs=1e-37)
    assert y[1] == pytest.approx(np.exp(-30), rel=1e-6)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "linear", "log_softmax", "squared_error"])
def test_nan_stays_where_it_is(name: str) -> None:
    f, _, _, (x, *others) = OPS[name]
    x = x.copy()
    x[2, 1] = np.nan
    expected = np.isnan(x) if f(x, *others).shape == x.shape else np.isnan(x).any(axis=1)
    if name in ("linear", "log_softmax"):
        expected = np.broadcast_to(np.isnan(x).any(axis=1, keepdims=True), f(x, *others).shape)
    np.testing.assert_array_equal(np.isnan(f(x, *others)), expected)


def test_gradients_never_share_an_array() -> None:
    d_x, d_weight, d_bias = ops.linear_backward(np.ones((6, 5)), X, W, B)
    assert d_bias is not None
    assert not any(np.shares_memory(a, b) for a, b in ((d_x, d_weight), (d_x, d_bias), (d_weight, d_bias)))
    d_y = np.ones((6, 8))
    for result in (ops.relu_backward(d_y, X), ops.log_softmax_backward(d_y, ops.log_softmax(X))):
        assert not np.shares_memory(result, d_y)
