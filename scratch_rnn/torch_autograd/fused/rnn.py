"""Elman RNN over all steps of one direction, as one autograd.Function; the backward pass is by hand.

The equations are those of numpy_bptt/rnn.py, arranged for speed. u is one GEMM for all steps of a span, the
gradient of each weight is one GEMM per chunk, and every array is feature-major. Between two recurrent GEMMs
the backward pass is elementwise and linear in d_h'; its coefficient is computed for all steps of a span at
once:

    (1)  a  = u + W_hh h,   u = W_ih xᵀ + b_ih + b_hh
    (2)  h' = tanh(a)   or   h' = max(a, 0)

    (2)  d_a = (1 - h'²) ⊙ d_h'   or   d_a = 0 where h' ≤ 0, otherwise d_h'

Axes (scratch_rnn/notation.py): T time, R rows, N batch, I input, H hidden.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from scratch_rnn.spans import Span, backward_chunks
from scratch_rnn.torch_autograd.fused.function import (
    OnceDifferentiable,
    apply,
    by_step,
    columns_of,
    feature_major,
    grad_or_zeros,
    gradients,
    in_order,
    input_projection,
    once_differentiable,
    previous_h,
    spans_of,
    transposed,
)
from scratch_rnn.torch_autograd.rnn import Params, State

COEFFICIENTS = 1  # blocks of H numbers per step in the backward pass


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


class FusedRNN(OnceDifferentiable):
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
        """Each h' is computed in place, in the memory of its u."""
        b = None if bias_ih is None or bias_hh is None else bias_ih + bias_hh
        y, h_n = x.new_empty(x.shape[0], h.shape[1]), transposed(h)
        for span in spans_of(batch_sizes, COEFFICIENTS * h.shape[1], reverse, x.device):
            hs = input_projection(x, span, weight_ih, b).clone(memory_format=torch.contiguous_format)
            h_t = h_n.narrow(1, 0, span.n)
            for a_t in in_order(span, hs):
                a_t.addmm_(weight_hh, h_t)  # (1)
                h_t = a_t.tanh_() if nonlinearity == "tanh" else a_t.relu_()  # (2)
            by_step(y, span).copy_(hs.transpose(1, 2))
            h_n.narrow(1, 0, span.n).copy_(h_t)
        return y, transposed(h_n)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Save what the backward pass needs."""
        x, h, weight_ih, weight_hh, bias_ih, _, ctx.batch_sizes, ctx.reverse, ctx.nonlinearity = inputs
        ctx.has_bias, ctx.device = bias_ih is not None, x.device
        ctx.set_materialize_grads(False)  # None for an output that the loss does not use
        ctx.save_for_backward(x, h, weight_ih, weight_hh, output[0])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_y: Tensor | None, d_h_n: Tensor | None) -> Any:
        """d_x, d_h_0 and the gradients of the weights."""
        x, h_0, weight_ih, weight_hh, y = ctx.saved_tensors
        forward_spans = spans_of(ctx.batch_sizes, COEFFICIENTS * y.shape[1], ctx.reverse, x.device)
        h, d_y_all = previous_h(y, h_0, forward_spans), grad_or_zeros(d_y, y)
        d_h, weight_hh_t = transposed(grad_or_zeros(d_h_n, h_0)), transposed(weight_hh)
        sums = gradients(ctx, x, weight_ih, weight_hh, weight_ih.shape[0])
        for chunk in backward_chunks(forward_spans):
            d_a = x.new_empty(y.shape[1], chunk.size)
            for span in chunk.spans:
                h_next, d_hs = feature_major(y, span), feature_major(d_y_all, span)
                backward_span(span, h_next, d_hs, d_h.narrow(1, 0, span.n), weight_hh_t, ctx.nonlinearity)
                columns_of(chunk, span, d_a).copy_(h_next)
            sums.add(chunk, x, h, weight_ih, d_a)  # (1)  a = W_ih xᵀ + b_ih + W_hh h + b_hh
        d_x, d_weight_ih, d_weight_hh, d_b = sums
        d_biases = (d_b, d_b.clone()) if ctx.has_bias else (None, None)
        return d_x, transposed(d_h), d_weight_ih, d_weight_hh, *d_biases, None, None, None


def backward_span(
    span: Span,
    h_next: Float[Tensor, "T H N"],
    d_hs: Float[Tensor, "T H N"],
    d_h: Float[Tensor, "H N"],
    weight_hh_t: Float[Tensor, "H H"],
    nonlinearity: str,
) -> None:
    """Overwrite h_next with d_a. d_h is the gradient after the span, and becomes the one before it."""
    d_h_at, zero = in_order(span, d_hs), d_h.new_zeros(())
    d_h_at[0].add_(d_h)
    if nonlinearity == "tanh":
        k = torch.addcmul(d_h.new_ones(()), h_next, h_next, value=-1)
    else:
        k = h_next <= 0  # a mask, not a factor: 0 times infinity or NaN is NaN
    steps = (in_order(span, s) for s in (h_next, k))
    for d_a_t, k_t, d_h_t, d_h_prev in zip(*steps, d_h_at, [*d_h_at[1:], d_h.zero_()], strict=True):
        if nonlinearity == "tanh":
            torch.mul(k_t, d_h_t, out=d_a_t)  # (2)
        else:
            torch.where(k_t, zero, d_h_t, out=d_a_t)  # (2)
        d_h_prev.add_(weight_hh_t @ d_a_t)  # (1)
