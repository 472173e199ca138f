"""SGD, Adam, and clipping by norm: torch.optim's formulas and defaults.

An optimiser holds its hyperparameters, which are frozen. Its state is passed in and returned:

    optimizer = Adam(lr=0.1)
    state = optimizer.init(params)
    params, state = optimizer.update(params, grads, state)

`params` and `grads` have the same keys, as a layer's state_dict() and the grads of its backward do. Arguments
are never written to. In the equations θ is a parameter, g its gradient, t the number of the step, from 1;
λ, μ, τ, β, ε are weight_decay, momentum, dampening, betas and eps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import expect_equal_shape, expect_number, message
from scratch_rnn.numpy_bptt.checks import expect_plain

Arrays = dict[str, ndarray]


class SGDState(NamedTuple):
    """Steps taken, and the momentum buffer b of each parameter."""

    step: int
    b: Arrays


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent; torch.optim.SGD's documentation has the algorithm.

        (1)  g ← g + λ θ
        (2)  b ← g at the first step, μ b + (1 - τ) g later
        (3)  θ ← θ - lr b,   or with nesterov   θ ← θ - lr (g + μ b)

    Without momentum b is g.
    """

    lr: float = 1e-3
    momentum: float = 0.0
    dampening: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        """Check the hyperparameters (ValueError, TypeError) and convert them to Python floats."""
        _check_settings(self, ("lr", "momentum", "weight_decay"))
        dampening = expect_number("SGD", "dampening", self.dampening, -np.inf, np.inf)
        object.__setattr__(self, "dampening", dampening)
        if self.nesterov and (self.momentum <= 0 or self.dampening != 0):
            got = f"momentum {self.momentum:g} and dampening {self.dampening:g}"
            raise ValueError(message("SGD", "momentum above 0 and no dampening with nesterov", got))

    def init(self, params: Mapping[str, ndarray]) -> SGDState:
        """The state before the first step."""
        return SGDState(0, {name: np.zeros_like(theta) for name, theta in params.items()})

    def update(
        self, params: Mapping[str, ndarray], grads: Mapping[str, ndarray], state: SGDState
    ) -> tuple[Arrays, SGDState]:
        """One step: (new parameters, new state)."""
        _check_gradients("SGD", params, grads)
        new, buffers = {}, {}
        for name, theta in params.items():
            g = grads[name] + self.weight_decay * theta  # (1)
            b = state.b[name] * self.momentum + (1 - self.dampening) * g if state.step else g  # (2)
            if self.momentum == 0:
                b = g
            new[name] = theta - self.lr * (g + self.momentum * b if self.nesterov else b)  # (3)
            buffers[name] = b
        return new, SGDState(state.step + 1, buffers)


class AdamState(NamedTuple):
    """Steps taken, and the running means of g and g² of each parameter."""

    step: int
    m: Arrays
    v: Arrays


@dataclass(frozen=True)
class Adam:
    """Kingma & Ba 2015, in the form of torch.optim.Adam's documentation.

    (1)  g ← g + λ θ
    (2)  m ← β₁ m + (1 - β₁) g,     v ← β₂ v + (1 - β₂) g²
    (3)  m̂ = m / (1 - β₁ᵗ),         v̂ = v / (1 - β₂ᵗ)          corrects the bias of starting at 0
    (4)  θ ← θ - lr m̂ / (√v̂ + ε)
    """

    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        """Check the hyperparameters (ValueError, TypeError) and convert them to Python floats."""
        _check_settings(self, ("lr", "eps", "weight_decay"))
        betas = tuple(expect_number("Adam", "betas", beta, 0, 1) for beta in self.betas)
        if len(betas) != 2 or 1 in betas:
            raise ValueError(message("Adam", "two betas in [0, 1)", betas))
        object.__setattr__(self, "betas", betas)

    def init(self, params: Mapping[str, ndarray]) -> AdamState:
        """The state before the first step."""
        zeros = [{name: np.zeros_like(theta) for name, theta in params.items()} for _ in "mv"]
        return AdamState(0, *zeros)

    def update(
        self, params: Mapping[str, ndarray], grads: Mapping[str, ndarray], state: AdamState
    ) -> tuple[Arrays, AdamState]:
        """One step: (new parameters, new state)."""
        _check_gradients("Adam", params, grads)
        t, (beta_1, beta_2) = state.step + 1, self.betas
        new, ms, vs = {}, {}, {}
        for name, theta in params.items():
            g = grads[name] + self.weight_decay * theta  # (1)
            m = beta_1 * state.m[name] + (1 - beta_1) * g  # (2)
            v = beta_2 * state.v[name] + (1 - beta_2) * g**2  # (2)
            m_hat, v_hat = m / (1 - beta_1**t), v / (1 - beta_2**t)  # (3)
            new[name] = theta - self.lr * m_hat / (np.sqrt(v_hat) + self.eps)  # (4)
            ms[name], vs[name] = m, v
        return new, AdamState(t, ms, vs)


def clip_grad_norm(grads: Mapping[str, ndarray], max_norm: float) -> tuple[Arrays, float]:
    """(gradients scaled so that their common 2-norm is at most max_norm, the norm before).

    As torch.nn.utils.clip_grad_norm_: the scale is max_norm / (norm + 1e-6), at most 1. Raises ValueError if
    max_norm is negative or NaN.
    """
    max_norm = expect_number("clip_grad_norm", "max_norm", max_norm, 0, np.inf)
    norm = float(np.sqrt(sum(float((g.astype(np.float64) ** 2).sum()) for g in grads.values())))
    scale = float(np.minimum(1.0, max_norm / (norm + 1e-6)))  # a NaN norm makes every gradient NaN
    return {name: g * scale for name, g in grads.items()}, norm


def _check_settings(optimizer: SGD | Adam, names: Sequence[str]) -> None:
    """Convert to float: a NumPy scalar would turn float32 parameters into float64."""
    for name in names:
        value = expect_number(type(optimizer).__name__, name, getattr(optimizer, name), 0, np.inf)
        object.__setattr__(optimizer, name, value)


def _check_gradients(who: str, params: Mapping[str, ndarray], grads: Mapping[str, ndarray]) -> None:
    if params.keys() != grads.keys():
        raise ValueError(message(who, f"gradients of {', '.join(params)}", ", ".join(grads)))
    for name, theta in params.items():
        expect_plain(who, name, theta)
        expect_plain(who, f"gradient of {name}", grads[name])
        expect_equal_shape(who, f"gradient of {name}", theta.shape, grads[name].shape)
