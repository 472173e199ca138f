"""GRU with the reset gate before the matrix product, as one autograd.Function; the backward pass is by hand.

The equations are those of numpy_bptt/gru_reset_before.py, arranged for speed as in fused/gru.py. Both passes
have two recurrent GEMMs per step. Between them the backward pass is elementwise and linear, in d_h' and in
d_rh, the gradient of r ⊙ h; its coefficients k are computed for all steps of a span at once:

    (1)  u  = W_ih xᵀ + b_ih + b_hh,   v = W_rz h
    (2)  r  = σ(u_r + v_r),  z = σ(u_z + v_z)
    (3)  n  = tanh(u_n + W_hn (r ⊙ h))
    (4)  h' = n + z ⊙ (h - n)

    (4) (3) (2)  [ d_a_z | d_a_n | d_h_4 ] = [ k_z | k_n | z ] ⊙ d_h'
                 k_z = (h-n) ⊙ z ⊙ (1-z)    k_n = (1-z) ⊙ (1-n²)
    (3) (2)      [ d_h_3 | d_a_r ] = [ r | k_r ] ⊙ d_rh,   d_rh = W_hnᵀ d_a_n
                 k_r = h ⊙ r ⊙ (1-r)

d_h_3 and d_h_4 are shares of d_h. The memory of a step is [ r | z | n ]. At first it holds u.

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
    sum_of_biases,
    transposed,
)
from scratch_rnn.torch_autograd.fused.gru import FusedGRU
from scratch_rnn.torch_autograd.gru_reset_before import Params, State

SAVED = 3  # blocks of H numbers per step, saved for the backward pass: r z n
COEFFICIENTS = 5  # blocks of H numbers per step in the backward pass: r k_r k_z k_n z


def forward(
    x: Float[Tensor, "R I"], batch_sizes: Sequence[int], state: State, params: Params, reverse: bool
) -> tuple[Float[Tensor, "R H"], State]:
    """(y, the state after each sequence's last step)."""
    keep = torch.is_grad_enabled()
    y, h_n, *_ = apply(FusedGRUResetBefore, x, state, params, tuple(batch_sizes), reverse, keep)
    return y, State(h_n)


class FusedGRUResetBefore(OnceDifferentiable):
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
        hidden, b = h.shape[1], sum_of_biases(bias_ih, bias_hh)
        y, h_n = x.new_empty(x.shape[0], hidden), transposed(h)
        saved = x.new_empty(x.shape[0] if keep else 0, SAVED * hidden)
        for span in spans_of(batch_sizes, COEFFICIENTS * hidden, reverse, x.device):
            memory = rows_of(saved, span) if keep else x.new_empty(span.size, SAVED * hidden)
            a = memory.view(span.steps, SAVED * hidden, span.n)
            a.copy_(input_projection(x, span, weight_ih, b))  # (1)
            hs = x.new_empty(span.steps, hidden, span.n)
            forward_span(span, a, hs, h_n.narrow(1, 0, span.n), weight_hh)
            by_step(y, span).copy_(hs.transpose(1, 2))
        return y, transposed(h_n), saved

    setup_context = FusedGRU.setup_context  # it saves the same values

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_y: Tensor | None, d_h_n: Tensor | None, *_: Any) -> Any:
        """d_x, d_h_0 and the gradients of the weights."""
        x, h_0, weight_ih, weight_hh, y, saved = ctx.saved_tensors
        hidden, weight_hh_t = y.shape[1], transposed(weight_hh)
        forward_spans = spans_of(ctx.batch_sizes, COEFFICIENTS * hidden, ctx.reverse, x.device)
        h, d_y_all = previous_h(y, h_0, forward_spans), grad_or_zeros(d_y, y)
        d_h = transposed(grad_or_zeros(d_h_n, h_0))
        sums = gradients(ctx, x, weight_ih, weight_hh.narrow(0, 0, 2 * hidden), 3 * hidden)
        d_weight_n = weight_hh.new_zeros(hidden, hidden)
        for chunk in backward_chunks(forward_spans):
            d_a, rh = x.new_empty(3 * hidden, chunk.size), x.new_empty(hidden, chunk.size)
            for span in chunk.spans:
                blocks = rows_of(saved, span).view(span.steps, SAVED, hidden, span.n)
                h_t = feature_major(h, span)
                k = coefficients(blocks, h_t)
                backward_span(span, k, feature_major(d_y_all, span), d_h.narrow(1, 0, span.n), weight_hh_t)
                columns_of(chunk, span, d_a).copy_(k.narrow(1, 1, 3).flatten(1, 2))
                columns_of(chunk, span, rh).copy_(h_t.mul_(blocks.select(1, 0)))
            d_weight_n.addmm_(d_a.narrow(0, 2 * hidden, hidden), rh.t())  # (3)
            # (1)  u = W_ih xᵀ + b_ih + b_hh,   v = W_rz h
            sums.add(chunk, x, h, weight_ih, d_a, d_a.narrow(0, 0, 2 * hidden))
        d_x, d_weight_ih, d_weight_rz, d_b = sums
        d_biases = (d_b, d_b.clone()) if ctx.has_bias else (None, None)
        d_weight_hh = torch.cat((d_weight_rz, d_weight_n))
        return d_x, transposed(d_h), d_weight_ih, d_weight_hh, *d_biases, None, None, None


def forward_span(
    span: Span,
    a: Float[Tensor, "T G N"],
    hs: Float[Tensor, "T H N"],
    h: Float[Tensor, "H N"],
    weight_hh: Float[Tensor, "G H"],
) -> None:
    """Turn `a` into [ r | z | n ] and fill hs. h is updated to the last step of the span."""
    hidden, h_t = h.shape[0], h
    weight_rz, weight_n = weight_hh.narrow(0, 0, 2 * hidden), weight_hh.narrow(0, 2 * hidden, hidden)
    steps = (a.narrow(1, k * hidden, size * hidden) for k, size in ((0, 2), (0, 1), (1, 1), (2, 1)))
    for r_z, r, z, n, h_next in zip(*(in_order(span, s) for s in (*steps, hs)), strict=True):
        r_z.addmm_(weight_rz, h_t).sigmoid_()  # (1), (2)
        n.addmm_(weight_n, r * h_t).tanh_()  # (3)
        h_t = torch.lerp(n, h_t, z, out=h_next)  # (4)
    h.copy_(h_t)


def coefficients(saved: Float[Tensor, "T 3 H N"], h: Float[Tensor, "T H N"]) -> Float[Tensor, "T 5 H N"]:
    """[ r | k_r | k_z | k_n | z ]."""
    r, z, n = saved.unbind(1)
    k = saved.new_empty(saved.shape[0], COEFFICIENTS, *h.shape[1:])
    k_h_3, k_r, k_z, k_n, k_h_4 = k.unbind(1)
    k_h_3.copy_(r)
    k_h_4.copy_(z)
    one, one_minus_z = z.new_ones(()), 1 - z
    torch.addcmul(one, n, n, value=-1, out=k_n).mul_(one_minus_z)  # (4) (3)
    torch.mul((h - n).mul_(z), one_minus_z, out=k_z)  # (4) (2)
    torch.mul(h * r, 1 - r, out=k_r)  # (3) (2)
    return k


def backward_span(
    span: Span,
    k: Float[Tensor, "T 5 H N"],
    d_hs: Float[Tensor, "T H N"],
    d_h: Float[Tensor, "H N"],
    weight_hh_t: Float[Tensor, "H G"],
) -> None:
    """Turn k into gradients in place. d_h is the gradient after the span, and becomes the one before it.

    d_hs is d_y at first. Each step adds the gradient of the h that it starts from.
    """
    d_h_at, hidden = in_order(span, d_hs), d_h.shape[0]
    weight_rz_t, weight_n_t = weight_hh_t.narrow(1, 0, 2 * hidden), weight_hh_t.narrow(1, 2 * hidden, hidden)
    d_h_at[0].add_(d_h)
    parts = (k.narrow(1, 0, 2), k.narrow(1, 2, 3), k.narrow(1, 1, 2).flatten(1, 2))
    shares = (k.select(1, block) for block in (0, 3, 4))
    for k_rh, k_h, d_v, d_h_3, d_a_n, d_h_4, d_h_t, d_h_prev in zip(
        *(in_order(span, s) for s in (*parts, *shares)), d_h_at, [*d_h_at[1:], d_h.zero_()], strict=True
    ):
        k_h.mul_(d_h_t)  # (4), (3), (2)
        k_rh.mul_(weight_n_t @ d_a_n)  # (3), (2)
        d_h_prev.add_(d_h_4).add_(d_h_3).add_(weight_rz_t @ d_v)  # (4), (3), (1)
