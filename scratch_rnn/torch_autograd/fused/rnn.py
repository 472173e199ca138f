"""Elman RNN over all steps of one direction, as one autograd.Function; the backward pass is by hand.

The equations are those of numpy_bptt/rnn.py, arranged for speed. With one gate the rows already have the
layout that a step needs: u is written into the memory of y, and a step overwrites its rows with a, then with
h'. The backward pass computes d_a in place too; at first it is the share of d_y, for all steps of a span:

    (1)  a  = u + h W_hhᵀ,   u = x W_ihᵀ + b_ih + b_hh      one GEMM for the u of a whole span
    (2)  h' = tanh(a)   or   h' = max(a, 0)

    (2)  d_a = k ⊙ d_y + k ⊙ d_h,   k = 1 - h'²   or   k = 1 where h' > 0, otherwise 0
         d_h is the gradient through the next step: d_a W_hh of that step

Axes (scratch_rnn/notation.py): T time, R rows, N batch, I input, H hidden.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from scratch_rnn.spans import Span
from scratch_rnn.torch_autograd.fused.function import (
    OnceDifferentiable,
    apply,
    by_step,
    grad_or_zeros,
    in_order,
    once_differentiable,
    previous_h,
    rows_of,
    spans_of,
    sum_of_biases,
    transposed,
)
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
        b = sum_of_biases(bias_ih, bias_hh)
        b = x.new_zeros(()) if b is None else b
        y, h_n, weight_hh_t = x.new_empty(x.shape[0], h.shape[1]), h.clone(), transposed(weight_hh)
        for span in spans_of(batch_sizes, h.shape[1], reverse, x.device):
            torch.addmm(b, rows_of(x, span), weight_ih.t(), out=rows_of(y, span))  # (1)
            h_t = h_n.narrow(0, 0, span.n)
            for a_t in in_order(span, by_step(y, span)):
                a_t.addmm_(h_t, weight_hh_t)  # (1)
                h_t = a_t.tanh_() if nonlinearity == "tanh" else a_t.relu_()  # (2)
            h_n.narrow(0, 0, span.n).copy_(h_t)
        return y, h_n

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
        forward_spans = spans_of(ctx.batch_sizes, y.shape[1], ctx.reverse, x.device)
        d_y, d_h, d_a = grad_or_zeros(d_y, y), grad_or_zeros(d_h_n, h_0).clone(), torch.empty_like(y)
        for span in reversed(forward_spans):
            d_a_t, d_y_t, h_next = (by_step(rows, span) for rows in (d_a, d_y, y))
            d_h_t = d_h.narrow(0, 0, span.n)
            backward_span(span.reversed, d_a_t, d_y_t, h_next, d_h_t, weight_hh, ctx.nonlinearity)
        # (1)  a = x W_ihᵀ + b_ih + h W_hhᵀ + b_hh
        d_x = d_a @ weight_ih if ctx.needs_input_grad[0] else None
        d_weight_hh = d_a.t() @ previous_h(y, h_0, forward_spans)
        d_b = d_a.sum(0) if ctx.has_bias else None
        d_biases = (None, None) if d_b is None else (d_b, d_b.clone())
        return d_x, d_h, d_a.t() @ x, d_weight_hh, *d_biases, None, None, None


def backward_span(
    span: Span,
    d_a: Float[Tensor, "T N H"],
    d_y: Float[Tensor, "T N H"],
    h_next: Float[Tensor, "T N H"],
    d_h: Float[Tensor, "N H"],
    weight_hh: Float[Tensor, "H H"],
    nonlinearity: str,
) -> None:
    """Fill d_a. d_h is the gradient after the span, and becomes the one before it."""
    if nonlinearity == "tanh":
        k = 1 - h_next * h_next
        torch.mul(k, d_y, out=d_a)  # (2)
    else:
        k = h_next <= 0  # a mask, not a factor: 0 times infinity or NaN is NaN
        d_a.copy_(d_y)
    d_h_t = d_h
    for d_a_t, k_t in zip(in_order(span, d_a), in_order(span, k), strict=True):
        if nonlinearity == "tanh":
            d_a_t.addcmul_(k_t, d_h_t)  # (2)
        else:
            d_a_t.add_(d_h_t).masked_fill_(k_t, 0)  # (2)
        d_h_t = d_a_t @ weight_hh  # (1)
    d_h.copy_(d_h_t)
