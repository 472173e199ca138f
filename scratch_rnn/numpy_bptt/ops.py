"""The pieces that cells and models are made of, each with its adjoint directly below it.

An adjoint takes the gradient of the loss with respect to the result (d_y) and gives back the gradient
with respect to every argument, in the order of the arguments. It is linear in d_y, and the tests
check it as such: ⟨d_y, J v⟩ = ⟨Jᵀ d_y, v⟩ for random d_y and v.

Losses are given row by row; how rows are weighted (mean, sum, a mask over padding) is the caller's
choice, and so is the d_loss that comes back for each row.

Axes (scratch_rnn/notation.py): R rows, I input, O output, V classes, E embedding.
"""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray


def sigmoid(x: Float[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """σ(x) = 1 / (1 + e⁻ˣ), the exponent never positive, so that nothing overflows and tails keep
    their digits.
    """
    positive = x.real >= 0
    z = np.exp(np.where(positive, -x, x))
    return np.where(positive, 1, z) / (1 + z)


def sigmoid_backward(d_y: Float[ndarray, "*shape"], y: Float[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """σ' = σ (1 - σ), from the result y = σ(x)."""
    return d_y * y * (1 - y)


def tanh_backward(d_y: Float[ndarray, "*shape"], y: Float[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """Tanh' = 1 - tanh², from the result y = tanh(x)."""
    return d_y * (1 - y**2)


def relu(x: Float[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """max(x, 0); NaN stays NaN."""
    return np.where(x.real <= 0, np.zeros_like(x), x)


def relu_backward(d_y: Float[ndarray, "*shape"], y: Float[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """Relu' = 1 where the result y = max(x, 0) is positive, 0 elsewhere, at 0 too (torch's choice)."""
    return np.where(y.real <= 0, np.zeros_like(d_y), d_y)


def linear(
    x: Float[ndarray, "R I"], weight: Float[ndarray, "O I"], bias: Float[ndarray, "O"] | None
) -> Float[ndarray, "R O"]:
    """Y = x Wᵀ + b; W is (O, I), as torch keeps it."""
    y: ndarray = x @ weight.T
    return y if bias is None else y + bias


def linear_backward(
    d_y: Float[ndarray, "R O"],
    x: Float[ndarray, "R I"],
    weight: Float[ndarray, "O I"],
    bias: Float[ndarray, "O"] | None,
) -> tuple[Float[ndarray, "R I"], Float[ndarray, "O I"], Float[ndarray, "O"] | None]:
    """d_x = d_y W,  d_W = d_yᵀ x,  d_b = Σ_rows d_y."""
    return d_y @ weight, d_y.T @ x, None if bias is None else d_y.sum(axis=0)


def embedding(indices: Int[ndarray, "R"], weight: Float[ndarray, "V E"]) -> Float[ndarray, "R E"]:
    """Row indices[r] of the table, for each r. Indices must lie in [0, V)."""
    return weight[indices]


def embedding_backward(
    d_y: Float[ndarray, "R E"], indices: Int[ndarray, "R"], weight: Float[ndarray, "V E"]
) -> Float[ndarray, "V E"]:
    """A table row that was read several times gathers all that comes back (hence add.at, not +=)."""
    d_weight = np.zeros_like(weight)
    np.add.at(d_weight, indices, d_y)
    return d_weight


def log_softmax(x: Float[ndarray, "R V"]) -> Float[ndarray, "R V"]:
    """X - log Σ_v exp(x_v), the largest x taken out first, so that no exponential overflows."""
    shifted = x - x.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def log_softmax_backward(d_y: Float[ndarray, "R V"], y: Float[ndarray, "R V"]) -> Float[ndarray, "R V"]:
    """∂y_v/∂x_w = [v = w] - softmax(x)_w, and softmax(x) = eʸ of the result y."""
    return d_y - np.exp(y) * d_y.sum(axis=1, keepdims=True)


def nll(log_p: Float[ndarray, "R V"], target: Int[ndarray, "R"]) -> Float[ndarray, "R"]:
    """Negative log-likelihood of each row's target class, in nats. Targets must lie in [0, V)."""
    return -log_p[np.arange(len(target)), target]


def nll_backward(
    d_y: Float[ndarray, "R"], log_p: Float[ndarray, "R V"], target: Int[ndarray, "R"]
) -> Float[ndarray, "R V"]:
    """-1 at the target, 0 elsewhere."""
    d_log_p = np.zeros_like(log_p)
    d_log_p[np.arange(len(target)), target] = -d_y
    return d_log_p


def cross_entropy(logits: Float[ndarray, "R V"], target: Int[ndarray, "R"]) -> Float[ndarray, "R"]:
    """nll(log_softmax(logits)) of each row, in nats."""
    return nll(log_softmax(logits), target)


def cross_entropy_backward(
    d_y: Float[ndarray, "R"], logits: Float[ndarray, "R V"], target: Int[ndarray, "R"]
) -> Float[ndarray, "R V"]:
    """softmax(logits) - onehot(target), each row times its d_y: the two adjoints above, in turn."""
    log_p = log_softmax(logits)
    return log_softmax_backward(nll_backward(d_y, log_p, target), log_p)


def squared_error(x: Float[ndarray, "R O"], target: Float[ndarray, "R O"]) -> Float[ndarray, "R"]:
    """Mean over a row's O outputs of (x - target)²; the mean over rows is torch's MSELoss."""
    return ((x - target) ** 2).mean(axis=1)


def squared_error_backward(
    d_y: Float[ndarray, "R"], x: Float[ndarray, "R O"], target: Float[ndarray, "R O"]
) -> Float[ndarray, "R O"]:
    """2 (x - target) / O, each row times its d_y."""
    return d_y[:, None] * 2 * (x - target) / x.shape[1]
