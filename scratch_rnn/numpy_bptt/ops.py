"""The operations that cells and models consist of, each with its adjoint directly below it.

An adjoint maps the cotangent of the result, d_y = ∂loss/∂y, to the gradient of every argument, in the order
of the arguments: the vector-Jacobian product Jᵀ d_y. It is linear in d_y, and the tests check exactly that:
⟨d_y, J v⟩ = ⟨Jᵀ d_y, v⟩ for random d_y and v. No Jacobian is ever formed.

A loss has one value per row. The caller chooses how rows are weighted (mean, sum, a mask over padding) and
passes the matching d_y, one number per row, to the adjoint.

Axes (scratch_rnn/notation.py): R rows, I input, O output, V classes, E embedding.
"""

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray


def sigmoid(x: Float[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """σ(x) = 1 / (1 + e⁻ˣ). The exponent is never positive: no overflow, and accurate tails."""
    positive = x.real >= 0
    z = np.exp(np.where(positive, -x, x))
    return np.where(positive, 1, z) / (1 + z)


def sigmoid_backward(d_y: Float[ndarray, "*shape"], y: Float[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """d_x for y = σ(x), from y: σ' = σ (1 - σ)."""
    return d_y * y * (1 - y)


def tanh_backward(d_y: Float[ndarray, "*shape"], y: Float[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """d_x for y = tanh(x), from y: tanh' = 1 - tanh²."""
    return d_y * (1 - y**2)


def relu(x: Float[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """max(x, 0); NaN stays NaN."""
    return np.where(x.real <= 0, np.zeros_like(x), x)


def relu_backward(d_y: Float[ndarray, "*shape"], y: Float[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """d_x for y = max(x, 0), from y: the derivative is 1 where y > 0, else 0; at 0 it is 0, as in torch."""
    return np.where(y.real <= 0, np.zeros_like(d_y), d_y)


def linear(
    x: Float[ndarray, "R I"], weight: Float[ndarray, "O I"], bias: Float[ndarray, "O"] | None
) -> Float[ndarray, "R O"]:
    """The linear map x Wᵀ + b. W is (O, I), as in torch.nn.Linear."""
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
    """weight[indices[r]] for each row r. Indices must lie in [0, V)."""
    return weight[indices]


def embedding_backward(
    d_y: Float[ndarray, "R E"], indices: Int[ndarray, "R"], weight: Float[ndarray, "V E"]
) -> Float[ndarray, "V E"]:
    """Accumulates the gradient of every lookup. add.at adds repeated indices, += would keep only one."""
    d_weight = np.zeros_like(weight)
    np.add.at(d_weight, indices, d_y)
    return d_weight


def log_softmax(x: Float[ndarray, "R V"]) -> Float[ndarray, "R V"]:
    """Row by row x_v - log Σ_w exp(x_w). The largest x is subtracted first, so that nothing overflows."""
    shifted = x - x.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def log_softmax_backward(d_y: Float[ndarray, "R V"], y: Float[ndarray, "R V"]) -> Float[ndarray, "R V"]:
    """d_x from y = log_softmax(x): ∂y_v/∂x_w = [v = w] - softmax(x)_w, and softmax(x) = eʸ."""
    return d_y - np.exp(y) * d_y.sum(axis=1, keepdims=True)


def nll(log_p: Float[ndarray, "R V"], target: Int[ndarray, "R"]) -> Float[ndarray, "R"]:
    """Negative log-likelihood of each row's target class, in nats. Targets must lie in [0, V)."""
    return -log_p[np.arange(len(target)), target]


def nll_backward(
    d_y: Float[ndarray, "R"], log_p: Float[ndarray, "R V"], target: Int[ndarray, "R"]
) -> Float[ndarray, "R V"]:
    """-d_y at the target, 0 elsewhere."""
    d_log_p = np.zeros_like(log_p)
    d_log_p[np.arange(len(target)), target] = -d_y
    return d_log_p


def cross_entropy(logits: Float[ndarray, "R V"], target: Int[ndarray, "R"]) -> Float[ndarray, "R"]:
    """nll(log_softmax(logits)) of each row, in nats."""
    return nll(log_softmax(logits), target)


def cross_entropy_backward(
    d_y: Float[ndarray, "R"], logits: Float[ndarray, "R V"], target: Int[ndarray, "R"]
) -> Float[ndarray, "R V"]:
    """(softmax(logits) - onehot(target)) d_y, row by row: the two adjoints above, in reverse order."""
    log_p = log_softmax(logits)
    return log_softmax_backward(nll_backward(d_y, log_p, target), log_p)


def squared_error(x: Float[ndarray, "R O"], target: Float[ndarray, "R O"]) -> Float[ndarray, "R"]:
    """The mean of (x - target)² over a row's O outputs. Its mean over rows is torch.nn.MSELoss."""
    return ((x - target) ** 2).mean(axis=1)


def squared_error_backward(
    d_y: Float[ndarray, "R"], x: Float[ndarray, "R O"], target: Float[ndarray, "R O"]
) -> Float[ndarray, "R O"]:
    """2 (x - target) d_y / O, row by row."""
    return d_y[:, None] * 2 * (x - target) / x.shape[1]
