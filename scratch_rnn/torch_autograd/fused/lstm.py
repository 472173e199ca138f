"""LSTM over all steps of one direction, as one autograd.Function; the backward pass is by hand.

The equations are those of numpy_bptt/lstm.py, arranged for speed. u is one GEMM for all steps of a span, the
gradient of each weight is one GEMM per chunk, and every array is feature-major, so that gates are contiguous.
Between two recurrent GEMMs the backward pass is elementwise and linear in d_m and d_c'; its coefficients k
are computed for all steps of a span at once:

    (1)  a  = u + W_hh h,   u = W_ih xᵀ + b_ih + b_hh
    (2)  i  = σ(a_i),  f = σ(a_f),  o = σ(a_o),  g = tanh(a_g)
    (3)  c' = f ⊙ c + i ⊙ g
    (4)  m  = o ⊙ tanh(c')
    (5)  h' = m   or   h' = W_hr m

    (4) (2)  d_a_o = k_o ⊙ d_m                                k_o = tanh(c') ⊙ o ⊙ (1-o)
    (4)      d_c' += k_m ⊙ d_m                                k_m = o ⊙ (1 - tanh²(c'))
    (3) (2)  [ d_c | d_a_i | d_a_f | d_a_g ] = [ f | k_i | k_f | k_g ] ⊙ d_c'
             k_i = g ⊙ i ⊙ (1-i)    k_f = c ⊙ f ⊙ (1-f)    k_g = i ⊙ (1-g²)

The memory of a step is [ i | f | o | g | c ], so that one call computes the three σ. At first it holds u.

Axes (scratch_rnn/notation.py): T time, R rows, N batch, I input, H hidden, P width of h, G = 4H gate rows;
F features.
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
from scratch_rnn.torch_autograd.lstm import Params, State

SAVED = 5  # blocks of H numbers per step, saved for the backward pass: i f o g c
COEFFICIENTS = 6  # blocks of H numbers per step in the backward pass: f k_i k_f k_g k_o k_m


def forward(
    x: Float[Tensor, "R I"], batch_sizes: Sequence[int], state: State, params: Params, reverse: bool
) -> tuple[Float[Tensor, "R P"], State]:
    """(y, the state after each sequence's last step)."""
    y, h_n, c_n, *_ = apply(FusedLSTM, x, state, params, tuple(batch_sizes), reverse, torch.is_grad_enabled())
    return y, State(h_n, c_n)


class FusedLSTM(OnceDifferentiable):
    """(x, h_0, c_0, weights) -> (y, h_n, c_n, saved); `saved` is empty unless `keep`."""

    @staticmethod
    def forward(
        x: Tensor,
        h: Tensor,
        c: Tensor,
        weight_ih: Tensor,
        weight_hh: Tensor,
        bias_ih: Tensor | None,
        bias_hh: Tensor | None,
        weight_hr: Tensor | None,
        batch_sizes: Sequence[int],
        reverse: bool,
        keep: bool,
    ) -> tuple[Tensor, ...]:
        """Each step computes its gates in place, in the memory that is saved."""
        hidden, b = c.shape[1], sum_of_biases(bias_ih, bias_hh)
        weight_ih, weight_hh, b = ifog(weight_ih), ifog(weight_hh), None if b is None else ifog(b)
        y, h_n, c_n = x.new_empty(x.shape[0], h.shape[1]), transposed(h), transposed(c)
        saved = x.new_empty(x.shape[0] if keep else 0, SAVED * hidden)
        for span in spans_of(batch_sizes, COEFFICIENTS * hidden, reverse, x.device):
            memory = rows_of(saved, span) if keep else x.new_empty(span.size, SAVED * hidden)
            a = memory.view(span.steps, SAVED * hidden, span.n)
            a.narrow(1, 0, 4 * hidden).copy_(input_projection(x, span, weight_ih, b))  # (1)
            hs = x.new_empty(span.steps, h.shape[1], span.n)
            state = h_n.narrow(1, 0, span.n), c_n.narrow(1, 0, span.n)
            forward_span(span, a, hs, *state, weight_hh, weight_hr)
            by_step(y, span).copy_(hs.transpose(1, 2))
        return y, transposed(h_n), transposed(c_n), saved

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Save what the backward pass needs."""
        x, h, c, weight_ih, weight_hh, bias_ih, _, weight_hr, ctx.batch_sizes, ctx.reverse, _ = inputs
        y, _, _, saved = output
        ctx.mark_non_differentiable(saved)
        ctx.has_bias, ctx.device = bias_ih is not None, x.device
        ctx.set_materialize_grads(False)  # None for an output that the loss does not use
        ctx.save_for_backward(x, h, c, weight_ih, weight_hh, weight_hr, y, saved)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_y: Tensor | None, d_h_n: Tensor | None, d_c_n: Tensor | None, *_: Any) -> Any:
        """d_x, d_h_0, d_c_0 and the gradients of the weights."""
        x, h_0, c_0, weight_ih, weight_hh, weight_hr, y, saved = ctx.saved_tensors
        hidden, weight_hh_t = c_0.shape[1], transposed(weight_hh)
        forward_spans = spans_of(ctx.batch_sizes, COEFFICIENTS * hidden, ctx.reverse, x.device)
        h, d_y_all = previous_h(y, h_0, forward_spans), grad_or_zeros(d_y, y)
        d_h, d_c = transposed(grad_or_zeros(d_h_n, h_0)), transposed(grad_or_zeros(d_c_n, c_0))
        sums = gradients(ctx, x, weight_ih, weight_hh, weight_ih.shape[0])
        d_weight_hr = None if weight_hr is None else torch.zeros_like(weight_hr)
        for chunk in backward_chunks(forward_spans):
            d_a = x.new_empty(weight_ih.shape[0], chunk.size)
            for span in chunk.spans:
                k, m = coefficients(rows_of(saved, span).view(span.steps, SAVED, hidden, span.n))
                d_hs = feature_major(d_y_all, span)
                state = d_h.narrow(1, 0, span.n), d_c.narrow(1, 0, span.n)
                backward_span(span, k, d_hs, *state, weight_hh_t, weight_hr)
                columns_of(chunk, span, d_a).copy_(k.narrow(1, 1, 4).flatten(1, 2))
                if d_weight_hr is not None:
                    d_weight_hr.add_(torch.tensordot(d_hs, m, dims=([0, 2], [0, 2])))  # (5)
            sums.add(chunk, x, h, weight_ih, d_a)  # (1)  a = W_ih xᵀ + b_ih + W_hh h + b_hh
        d_x, d_weight_ih, d_weight_hh, d_b = sums
        d_biases = (d_b, d_b.clone()) if ctx.has_bias else (None, None)
        d_states = transposed(d_h), transposed(d_c)
        return d_x, *d_states, d_weight_ih, d_weight_hh, *d_biases, d_weight_hr, None, None, None


def ifog(gates: Float[Tensor, "G *I"]) -> Float[Tensor, "G *I"]:
    """The gates of a weight or bias in the order i f o g."""
    i, f, g, o = gates.chunk(4)
    return torch.cat((i, f, o, g))


def forward_span(
    span: Span,
    a: Float[Tensor, "T F N"],
    hs: Float[Tensor, "T P N"],
    h: Float[Tensor, "P N"],
    c: Float[Tensor, "H N"],
    weight_hh: Float[Tensor, "G P"],
    weight_hr: Float[Tensor, "P H"] | None,
) -> None:
    """Turn `a` into [ i | f | o | g | c ] and fill hs. h and c are updated to the last step of the span."""
    hidden, h_t = c.shape[0], h
    views = (
        in_order(span, a.narrow(1, first * hidden, size * hidden))
        for first, size in ((0, 4), (0, 3), (0, 1), (1, 1), (2, 1), (3, 1), (4, 1))
    )
    gates, ifo, i, f, o, g, cs = views
    cs[0].copy_(c)
    tanh_c = torch.empty_like(cs[0])
    for a_t, ifo_t, i_t, f_t, o_t, g_t, c_t, c_next, h_next in zip(
        gates, ifo, i, f, o, g, cs, [*cs[1:], c], in_order(span, hs), strict=True
    ):
        a_t.addmm_(weight_hh, h_t)  # (1)
        ifo_t.sigmoid_()  # (2)
        g_t.tanh_()  # (2)
        torch.mul(f_t, c_t, out=c_next).addcmul_(i_t, g_t)  # (3)
        torch.tanh(c_next, out=tanh_c)
        if weight_hr is None:
            h_t = torch.mul(o_t, tanh_c, out=h_next)  # (4)
        else:
            h_t = torch.mm(weight_hr, tanh_c.mul_(o_t), out=h_next)  # (4), (5)
    h.copy_(h_t)


def coefficients(saved: Float[Tensor, "T 5 H N"]) -> tuple[Float[Tensor, "T 6 H N"], Float[Tensor, "T H N"]]:
    """[ f | k_i | k_f | k_g | k_o | k_m ], and m."""
    i, f, o, g, c = saved.unbind(1)
    k = saved.new_empty(saved.shape[0], COEFFICIENTS, *c.shape[1:])
    k_c, _, _, k_g, k_o, k_m = k.unbind(1)
    k_c.copy_(f)
    i_f, pq = saved.narrow(1, 0, 2), saved.narrow(1, 0, 2) * saved.narrow(1, 3, 2)
    p, q = pq.unbind(1)
    one = i.new_ones(())
    torch.mul(pq, 1 - i_f, out=k.narrow(1, 1, 2))  # (3) (2)
    torch.addcmul(one, g, g, value=-1, out=k_g).mul_(i)  # (3) (2)
    tanh_c = (p + q).tanh_()
    m = o * tanh_c
    torch.mul(m, 1 - o, out=k_o)  # (4) (2)
    torch.addcmul(one, tanh_c, tanh_c, value=-1, out=k_m).mul_(o)  # (4)
    return k, m


def backward_span(
    span: Span,
    k: Float[Tensor, "T 6 H N"],
    d_hs: Float[Tensor, "T P N"],
    d_h: Float[Tensor, "P N"],
    d_c: Float[Tensor, "H N"],
    weight_hh_t: Float[Tensor, "P G"],
    weight_hr: Float[Tensor, "P H"] | None,
) -> None:
    """Turn k into d_a in place. d_h and d_c are the gradients after the span, and become those before it.

    d_hs is d_y at first. Each step adds the gradient of the h that it starts from.
    """
    d_h_at, d_c_t, d_a = in_order(span, d_hs), d_c, k.narrow(1, 1, 4).flatten(1, 2)
    d_h_at[0].add_(d_h)
    steps = (k.narrow(1, 4, 2), k.select(1, 5), k.narrow(1, 0, 4), k.select(1, 0), d_a)
    for oc, d_c_next, cifg, d_c_prev, d_a_t, d_h_t, d_h_prev in zip(
        *(in_order(span, s) for s in steps), d_h_at, [*d_h_at[1:], d_h.zero_()], strict=True
    ):
        oc.mul_(d_h_t if weight_hr is None else weight_hr.t() @ d_h_t)  # (5), (4), (2)
        d_c_next.add_(d_c_t)  # (4), and the next step
        cifg.mul_(d_c_next)  # (3), (2)
        d_h_prev.add_(weight_hh_t @ d_a_t)  # (1)
        d_c_t = d_c_prev
    d_c.copy_(d_c_t)
