"""Elman RNN over all steps of one direction, as one autograd.Function with its backward by hand.

The equations are those of numpy_bptt/rnn.py, arranged for speed: the input's half of (1) is one product
for all steps, and the gradients of the weights are one product each, of all steps' d_a. What is left in
the loop back is linear in d_h', with a factor that is computed for all steps at once:

    (1)  a  = u + h W_hhᵀ,   u = x W_ihᵀ + b_ih + b_hh
    (2)  h' = tanh(a)   or   h' = max(a, 0)

    (2)  d_a = k ⊙ d_h',   k = 1 - h'²   or   k = [h' > 0]

Axes (scratch_rnn/notation.py): R rows, N batch, I input, H hidden.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from scratch_rnn.fused.in_torch.once import Once, apply, before, first_derivative, hoist, times
from scratch_rnn.torch_autograd.rnn import Params, State


def forward(
    x: Float[Tensor, "R I"],
    batch_sizes: Sequence[int],
    state: State,
    params: Params,
    reverse: bool,
    nonlinearity: str = "tanh",
) -> tuple[Float[Tensor, "R H"], State]:
    """(y, the state after each sequence's last step)."""
    y, h_n = apply(FusedRNN, x, state, params, tuple(batch_sizes), reverse, nonlinearity)
    return y, State(h_n)


class FusedRNN(Once):
    """(x, h_0, weights) -> (y, h_n)."""

    @staticmethod
    def forward(
        x: Tensor,
        h: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias_ih: Tensor | None,
        bias_hh: Tensor | None,
        batch_sizes: Sequence[int],
        reverse: bool,
        nonlinearity: str,
    ) -> tuple[Tensor, Tensor]:
        """The outputs are made where u stood."""
        y = hoist(x, weight_ih, bias_ih, bias_hh)  # (1)
        h, y_at, w = h.clone(), torch.split(y, list(batch_sizes)), weight_hh.t()
        for t, n in times(batch_sizes, reverse):
            h_t = h.narrow(0, 0, n)
            a = y_at[t].addmm_(h_t, w)  # (1)
            h_t.copy_(a.tanh_() if nonlinearity == "tanh" else a.relu_())  # (2)
        return y, h

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep what the way back needs."""
        x, h, weight_ih, weight_hh, bias_ih, _, ctx.batch_sizes, ctx.reverse, ctx.nonlinearity = inputs
        ctx.has_bias = bias_ih is not None
        ctx.save_for_backward(x, h, weight_ih, weight_hh, output[0])

    @staticmethod
    @first_derivative
    def backward(ctx: Any, d_y: Tensor, d_h_n: Tensor) -> Any:
        """d_x, d_h_0 and the gradients of the weights."""
        x, h_0, weight_ih, weight_hh, y = ctx.saved_tensors
        sizes = list(ctx.batch_sizes)
        # k, and d_a in its place
        d_a = 1 - y * y if ctx.nonlinearity == "tanh" else (y <= 0).logical_not().to(y.dtype)
        d_h, d_a_at, d_y_at = d_h_n.clone(), torch.split(d_a, sizes), torch.split(d_y, sizes)
        for t, n in times(ctx.batch_sizes, not ctx.reverse):
            d_h_t = d_h.narrow(0, 0, n).add_(d_y_at[t])
            torch.mm(d_a_at[t].mul_(d_h_t), weight_hh, out=d_h_t)  # (2), and (1) towards h
        # (1)  a = x W_ihᵀ + b_ih + h W_hhᵀ + b_hh, all steps at once
        d_b = d_a.sum(0) if ctx.has_bias else None
        d_x = d_a @ weight_ih if ctx.needs_input_grad[0] else None
        d_w_hh = d_a.t() @ before(y, h_0, sizes, ctx.reverse)
        return d_x, d_h, d_a.t() @ x, d_w_hh, d_b, None if d_b is None else d_b.clone(), None, None, None
