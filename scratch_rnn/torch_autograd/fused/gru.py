"""GRU over all steps of one direction, as one autograd.Function; the backward pass is by hand.

The equations are those of numpy_bptt/gru.py, arranged for speed. u is one GEMM for all steps of a span, the
gradient of each weight is one GEMM per chunk, and every array is feature-major, so that gates are contiguous.
Between two recurrent GEMMs the backward pass is elementwise and linear in d_h'; its coefficients k are
computed for all steps of a span at once:

    (1)  u  = W_ih xᵀ + b_ih,   v = W_hh h + b_hh
    (2)  r  = σ(u_r + v_r),  z = σ(u_z + v_z)
    (3)  n  = tanh(u_n + r ⊙ v_n)
    (4)  h' = n + z ⊙ (h - n)

    (4) (3) (2)  [ d_h_4 | d_v_n | d_a_r | d_a_z | d_u_n ] = [ z | k_v | k_r | k_z | k_n ] ⊙ d_h'
         k_n = (1-z) ⊙ (1-n²)    k_v = r ⊙ k_n    k_z = (h-n) ⊙ z ⊙ (1-z)    k_r = v_n ⊙ (1-r) ⊙ k_v

A GEMM adds its terms in the order of the gates. d_u_n is the largest, so it comes last: the error of d_x in
float32 is then smaller.

The memory of a step is [ v_n | r | z | n ]. At first it holds [ b_hn | u_r | u_z | u_n ], so that one addmm
with the weights in the order n r z computes v_n, u_r + v_r and u_z + v_z in place.

Axes (scratch_rnn/notation.py): T time, R rows, N batch, I input, H hidden, G = 3H gate rows; F features.
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
    rows_of,
    spans_of,
    transposed,
)
from scratch_rnn.torch_autograd.gru import Params, State

SAVED = 4  # blocks of H numbers per step, saved for the backward pass: v_n r z n
COEFFICIENTS = 5  # blocks of H numbers per step in the backward pass: z k_v k_r k_z k_n


def forward(
    x: Float[Tensor, "R I"], batch_sizes: Sequence[int], state: State, params: Params, reverse: bool
) -> tuple[Float[Tensor, "R H"], State]:
    """(y, the state after each sequence's last step)."""
    y, h_n, *_ = apply(FusedGRU, x, state, params, tuple(batch_sizes), reverse, torch.is_grad_enabled())
    return y, State(h_n)


class FusedGRU(OnceDifferentiable):
    """(x, h_0, weights) -> (y, h_n, saved); `saved` is empty unless `keep`."""

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
        keep: bool,
    ) -> tuple[Tensor, ...]:
        """Each step computes its gates in place, in the memory that is saved."""
        hidden, weight_nrz = h.shape[1], weight_hh.roll(h.shape[1], 0)
        b, b_hn = fold(bias_ih, bias_hh, hidden)
        y, h_n = x.new_empty(x.shape[0], hidden), transposed(h)
        saved = x.new_empty(x.shape[0] if keep else 0, SAVED * hidden)
        for span in spans_of(batch_sizes, COEFFICIENTS * hidden, reverse, x.device):
            memory = rows_of(saved, span) if keep else x.new_empty(span.size, SAVED * hidden)
            a = memory.view(span.steps, SAVED * hidden, span.n)
            a.narrow(1, hidden, 3 * hidden).copy_(input_projection(x, span, weight_ih, b))  # (1)
            a.narrow(1, 0, hidden).zero_().add_(b_hn)
            hs = x.new_empty(span.steps, hidden, span.n)
            forward_span(span, a, hs, h_n.narrow(1, 0, span.n), weight_nrz)
            by_step(y, span).copy_(hs.transpose(1, 2))
        return y, transposed(h_n), saved

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Save what the backward pass needs."""
        x, h, weight_ih, weight_hh, bias_ih, _, ctx.batch_sizes, ctx.reverse, _ = inputs
        y, _, saved = output
        ctx.mark_non_differentiable(saved)
        ctx.has_bias, ctx.device = bias_ih is not None, x.device
        ctx.set_materialize_grads(False)  # None for an output that the loss does not use
        ctx.save_for_backward(x, h, weight_ih, weight_hh, y, saved)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_y: Tensor | None, d_h_n: Tensor | None, *_: Any) -> Any:
        """d_x, d_h_0 and the gradients of the weights."""
        x, h_0, weight_ih, weight_hh, y, saved = ctx.saved_tensors
        hidden = y.shape[1]
        weight_nrz_t = transposed(weight_hh.roll(hidden, 0))
        forward_spans = spans_of(ctx.batch_sizes, COEFFICIENTS * hidden, ctx.reverse, x.device)
        h, d_y_all = previous_h(y, h_0, forward_spans), grad_or_zeros(d_y, y)
        d_h, sums = transposed(grad_or_zeros(d_h_n, h_0)), gradients(ctx, x, weight_ih, weight_hh, 4 * hidden)
        for chunk in backward_chunks(forward_spans):
            d_a = x.new_empty(4 * hidden, chunk.size)  # d_v_n d_a_r d_a_z d_u_n
            for span in chunk.spans:
                k = coefficients(
                    rows_of(saved, span).view(span.steps, SAVED, hidden, span.n), feature_major(h, span)
                )
                backward_span(span, k, feature_major(d_y_all, span), d_h.narrow(1, 0, span.n), weight_nrz_t)
                columns_of(chunk, span, d_a).copy_(k.narrow(1, 1, 4).flatten(1, 2))
            sums.add(chunk, x, h, weight_ih, d_a)  # (1)  u = W_ih xᵀ + b_ih,   v = W_hh h + b_hh
        d_x, d_weight_ih, d_weight_nrz, d_b = sums
        d_b_ih, d_b_hh = d_b.narrow(0, hidden, 3 * hidden), d_b.narrow(0, 0, 3 * hidden).roll(-hidden)
        d_biases = (d_b_ih, d_b_hh) if ctx.has_bias else (None, None)
        d_weight_hh = d_weight_nrz.roll(-hidden, 0)
        return d_x, transposed(d_h), d_weight_ih, d_weight_hh, *d_biases, None, None, None


def fold(
    bias_ih: Float[Tensor, "G"] | None, bias_hh: Float[Tensor, "G"] | None, hidden: int
) -> tuple[Float[Tensor, "G"] | None, Float[Tensor, "H 1"] | float]:
    """(the bias of u: b_ih + b_hh without b_hn, which is inside v_n and scaled by r; b_hn)."""
    if bias_ih is None or bias_hh is None:
        return None, 0.0
    b = bias_ih.clone()
    b.narrow(0, 0, 2 * hidden).add_(bias_hh.narrow(0, 0, 2 * hidden))
    return b, bias_hh.narrow(0, 2 * hidden, hidden).unsqueeze(1)


def forward_span(
    span: Span,
    a: Float[Tensor, "T F N"],
    hs: Float[Tensor, "T H N"],
    h: Float[Tensor, "H N"],
    weight_nrz: Float[Tensor, "G H"],
) -> None:
    """Turn `a` into [ v_n | r | z | n ] and fill hs. h is updated to the last step of the span."""
    hidden, h_t = h.shape[0], h
    steps = (
        a.narrow(1, k * hidden, size * hidden) for k, size in ((0, 3), (1, 2), (0, 1), (1, 1), (2, 1), (3, 1))
    )
    for v, r_z, v_n, r, z, n, h_next in zip(*(in_order(span, s) for s in (*steps, hs)), strict=True):
        v.addmm_(weight_nrz, h_t)  # (1)
        r_z.sigmoid_()  # (2)
        n.addcmul_(r, v_n).tanh_()  # (3)
        h_t = torch.lerp(n, h_t, z, out=h_next)  # (4)
    h.copy_(h_t)


def coefficients(saved: Float[Tensor, "T 4 H N"], h: Float[Tensor, "T H N"]) -> Float[Tensor, "T 5 H N"]:
    """[ z | k_v | k_r | k_z | k_n ]."""
    v_n, r, z, n = saved.unbind(1)
    k = saved.new_empty(saved.shape[0], COEFFICIENTS, *h.shape[1:])
    k_h, k_v, k_r, k_z, k_n = k.unbind(1)
    k_h.copy_(z)
    one, one_minus_z = z.new_ones(()), 1 - z
    torch.addcmul(one, n, n, value=-1, out=k_n).mul_(one_minus_z)  # (4) (3)
    torch.mul(r, k_n, out=k_v)  # (3)
    torch.mul((h - n).mul_(z), one_minus_z, out=k_z)  # (4) (2)
    torch.mul(k_v, v_n, out=k_r).mul_(1 - r)  # (3) (2)
    return k


def backward_span(
    span: Span,
    k: Float[Tensor, "T 5 H N"],
    d_hs: Float[Tensor, "T H N"],
    d_h: Float[Tensor, "H N"],
    weight_nrz_t: Float[Tensor, "H G"],
) -> None:
    """Turn k into gradients in place. d_h is the gradient after the span, and becomes the one before it.

    d_hs is d_y at first. Each step adds the gradient of the h that it starts from.
    """
    d_h_at, d_v = in_order(span, d_hs), k.narrow(1, 1, 3).flatten(1, 2)
    d_h_at[0].add_(d_h)
    steps = (in_order(span, s) for s in (k, k.select(1, 0), d_v))
    for k_t, d_h_4, d_v_t, d_h_t, d_h_prev in zip(*steps, d_h_at, [*d_h_at[1:], d_h.zero_()], strict=True):
        k_t.mul_(d_h_t)  # (4), (3), (2)
        d_h_prev.add_(d_h_4).add_(weight_nrz_t @ d_v_t)  # (4), (1)
