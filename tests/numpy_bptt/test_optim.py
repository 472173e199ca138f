"""SGD, Adam and clipping are torch's: 150 steps on the same losses, in float64."""

from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils import clip_grad_norm_

from scratch_rnn.numpy_bptt.optim import SGD, Adam, clip_grad_norm
from tests.parity import assert_close

SHAPES = {"weight": (3, 4), "bias": (3,)}
RULES: list[tuple[type[Any], Any, dict[str, Any]]] = [
    (SGD, torch.optim.SGD, {}),
    (SGD, torch.optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    (SGD, torch.optim.SGD, {"lr": 0.05, "momentum": 0.8, "dampening": 0.3}),
    (SGD, torch.optim.SGD, {"lr": 0.05, "momentum": 0.8, "nesterov": True}),
    (SGD, torch.optim.SGD, {"lr": 0.05, "dampening": 0.3}),
    (SGD, torch.optim.SGD, {"lr": 0.05, "weight_decay": 0.1}),
    (SGD, torch.optim.SGD, {"lr": 0.05, "momentum": 0.7, "weight_decay": 0.1, "nesterov": True}),
    (Adam, torch.optim.Adam, {}),
    (Adam, torch.optim.Adam, {"lr": 0.05}),
    (Adam, torch.optim.Adam, {"lr": 0.05, "betas": (0.5, 0.7), "eps": 1e-3}),
    (Adam, torch.optim.Adam, {"lr": 0.05, "weight_decay": 0.1}),
]


def loss(params: dict[str, torch.Tensor], step: int) -> torch.Tensor:
    """Bowls with ripples, another one each step; the gradients are neither small nor alike."""
    total = torch.zeros((), dtype=torch.float64)
    for number, theta in enumerate(params.values()):
        scale = torch.arange(1, theta.numel() + 1, dtype=torch.float64).reshape(theta.shape) + number
        total = total + (scale * (theta - 0.3 * number) ** 2).sum() + torch.sin(3 * theta + step).sum()
    return total


@pytest.mark.parametrize(("ours", "theirs", "options"), RULES)
def test_150_steps(ours: type[Any], theirs: Any, options: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    params = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
    leaves = {name: torch.tensor(array, requires_grad=True) for name, array in params.items()}
    optimizer, oracle = ours(**options), theirs(leaves.values(), **options)
    state = optimizer.init(params)
    for step in range(150):
        mine = {name: torch.tensor(array, requires_grad=True) for name, array in params.items()}
        torch.autograd.backward(loss(mine, step))
        grads = {name: leaf.grad.numpy() for name, leaf in mine.items() if leaf.grad is not None}
        params, state = optimizer.update(params, grads, state)
        oracle.zero_grad()
        torch.autograd.backward(loss(leaves, step))
        oracle.step()
        for name, leaf in leaves.items():
            assert_close(f"step {step}: {name}", params[name], leaf.detach().numpy(), 1e-12)
    assert state.step == 150


@pytest.mark.parametrize("optimizer", [SGD(momentum=0.9), Adam()])
def test_nothing_that_goes_in_is_written_to(optimizer: Any) -> None:
    params, grads = ({name: np.ones(shape) for name, shape in SHAPES.items()} for _ in range(2))
    state = optimizer.init(params)
    _, state = optimizer.update(params, grads, state)
    before = [array.copy() for part in state[1:] for array in part.values()]
    new, _ = optimizer.update(params, grads, state)
    assert all((array == 1).all() for array in (*params.values(), *grads.values()))
    after = [array for part in state[1:] for array in part.values()]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert not np.array_equal(new["bias"], params["bias"])


def test_float32_stays_float32() -> None:
    params = {"bias": np.ones(3, np.float32)}
    scalar: Any = np.float64(0.9)  # times an array of float32 it gives float64
    optimizers: list[Any] = [SGD(momentum=0.9), Adam()]
    optimizers += [SGD(lr=scalar), SGD(momentum=scalar), SGD(weight_decay=scalar)]
    optimizers += [Adam(lr=scalar), Adam(eps=scalar), Adam(weight_decay=scalar)]
    for optimizer in optimizers:
        new, state = optimizer.update(params, params, optimizer.init(params))
        assert new["bias"].dtype == np.float32
        assert all(part["bias"].dtype == np.float32 for part in state[1:] if isinstance(part, dict))


@given(scale=st.sampled_from([0.0, 1e-9, 0.1, 1.0, 50.0]), most=st.sampled_from([1e-3, 1.0, 1e6]))
def test_clipping(scale: float, most: float) -> None:
    rng = np.random.default_rng(1)
    grads = {name: scale * rng.normal(size=shape) for name, shape in SHAPES.items()}
    leaves = [torch.zeros(shape, dtype=torch.float64, requires_grad=True) for shape in SHAPES.values()]
    for leaf, grad in zip(leaves, grads.values(), strict=True):
        leaf.grad = torch.tensor(grad)
    norm_before = clip_grad_norm_(leaves, most)
    clipped, norm = clip_grad_norm(grads, most)
    assert norm == pytest.approx(float(norm_before), rel=1e-14)
    for leaf, (name, array) in zip(leaves, clipped.items(), strict=True):
        assert leaf.grad is not None
        assert_close(name, array, leaf.grad.numpy(), 1e-15)
    assert clipped is not grads


def test_clipping_large_float32_gradients() -> None:
    """The square of 1e20 is above the range of float32."""
    clipped, norm = clip_grad_norm({"w": np.full(4, 1e20, np.float32)}, 1.0)
    assert norm == pytest.approx(2e20)
    assert clipped["w"].dtype == np.float32
    np.testing.assert_allclose(clipped["w"], 0.5, rtol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: SGD(lr=-1.0),
        lambda: SGD(lr=float("nan")),
        lambda: SGD(momentum=-0.5),
        lambda: SGD(dampening=float("nan")),
        lambda: SGD(nesterov=True),
        lambda: SGD(nesterov=True, momentum=0.9, dampening=0.1),
        lambda: Adam(lr=-1.0),
        lambda: Adam(betas=(0.9, 1.0)),
        lambda: Adam(betas=(-0.1, 0.9)),
        lambda: Adam(betas=(1.5, 0.999)),
        lambda: Adam(betas=(0.9, 1.5)),
        lambda: Adam(betas=cast(Any, (0.9,))),
        lambda: Adam(betas=cast(Any, (0.9, 0.99, 0.999))),
        lambda: Adam(eps=-1e-8),
        lambda: Adam(weight_decay=-1.0),
        lambda: clip_grad_norm({}, -1.0),
        lambda: clip_grad_norm({}, float("nan")),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Any) -> None:
    with pytest.raises(ValueError, match=r"(SGD|Adam|clip_grad_norm): expected .* got"):
        make()


WIDE = np.float64(0.1)


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(lr=WIDE, momentum=WIDE, dampening=WIDE, weight_decay=WIDE),
        Adam(lr=WIDE, betas=(WIDE, WIDE), eps=WIDE, weight_decay=WIDE),
    ],
)
def test_a_numpy_setting_does_not_widen_parameters(optimizer: Any) -> None:
    params = {"w": np.ones(3, np.float32)}
    state = optimizer.init(params)
    for _ in range(2):
        params, state = optimizer.update(params, params, state)
        assert params["w"].dtype == np.float32


@pytest.mark.parametrize("optimizer", [SGD(), Adam()])
@pytest.mark.parametrize("grads", [{}, {"w": np.ones(2)}, {"w": np.ones(3), "v": np.ones(3)}])
def test_gradients_of_something_else_are_refused(optimizer: Any, grads: dict[str, Any]) -> None:
    params = {"w": np.ones(3)}
    with pytest.raises(ValueError, match="expected gradient"):
        optimizer.update(params, grads, optimizer.init(params))


@pytest.mark.parametrize("optimizer", [SGD(), Adam()])
def test_masked_arrays_are_refused(optimizer: Any) -> None:
    plain, masked = {"w": np.ones(3)}, {"w": np.ma.masked_array(np.ones(3), [True, False, False])}
    state = optimizer.init(plain)
    with pytest.raises(TypeError, match="expected w to be a numpy array, got MaskedArray"):
        optimizer.update(masked, plain, state)
    with pytest.raises(TypeError, match="expected gradient of w to be a numpy array, got MaskedArray"):
        optimizer.update(plain, masked, state)
