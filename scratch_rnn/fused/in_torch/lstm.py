"""LSTM over all steps of one direction, as one autograd.Function with its backward by hand.

The equations are those of numpy_bptt/lstm.py, arranged for speed: the input's half of (1) is one product for
all steps, and the gradients of the weights are one product each, of all steps' d_a. All that the loop
back does is linear in d_m and d_c', where m = o ⊙ tanh(c') is h' before its projection, and the factors
k are computed for all steps at once:

    (1)  a  = u + h W_hhᵀ,   u = x W_ihᵀ + b_ih + b_hh
    (2)  i  = σ(a_i),  f = σ(a_f),  g = tanh(a_g),  o = σ(a_o)
    (3)  c' = f ⊙ c + i ⊙ g
    (4)  h' = o ⊙ tanh(c')
    (5)  h' = (o ⊙ tanh(c')) W_hrᵀ                       instead of (4) where h is projected

    (4)      d_c' += k_c ⊙ d_m                            k_c = o ⊙ (1 - tanh²(c'))
    (3) (2)  [d_a_i | d_a_f | d_a_g] = [k_i | k_f | k_g] ⊙ d_c'
             k_i = g ⊙ i ⊙ (1-i)    k_f = c ⊙ f ⊙ (1-f)    k_g = i ⊙ (1-g²)
    (4) (2)  d_a_o = k_o ⊙ d_m                            k_o = tanh(c') ⊙ o ⊙ (1-o)

Axes (scratch_rnn/notation.py): R rows, N batch, I input, H hidden, P width of h, G = 4H gate rows.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from scratch_rnn.fused.in_torch.once import Once, apply, before, first_derivative, hoist, times
from scratch_rnn.torch_autograd.lstm import Params, State


def forward(
    x: Float[Tensor, "R I"], batch_sizes: Sequence[int], state: State, params: Params, reverse: bool
) -> tuple[Float[Tensor, "R P"], State]:
    """(y, the state after each sequence's last step)."""
    y, h_n, c_n, *_ = apply(FusedLSTM, x, state, params, tuple(batch_sizes), reverse)
    return y, State(h_n, c_n)


class FusedLSTM(Once):
    """(x, h_0, c_0, weights) -> (y, h_n, c_n, and for the way back: gates, c and tanh(c') of all steps)."""

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
    ) -> tuple[Tensor, ...]:
        """The gates are made where u stood."""
        hidden, sizes = c.shape[1], list(batch_sizes)
        u = hoist(x, weight_ih, bias_ih, bias_hh)  # (1)
        y, c_before, tanh_c = (u.new_empty(len(x), width) for width in (h.shape[1], hidden, hidden))
        w, h, c = weight_hh.t(), h.clone(), c.clone()
        at = list(zip(*(torch.split(a, sizes) for a in (u, y, c_before, tanh_c)), strict=True))
        for t, n in times(batch_sizes, reverse):
            a, y_t, c_before_t, tanh_c_t = at[t]
            h_t, c_t = h.narrow(0, 0, n), c.narrow(0, 0, n)
            c_before_t.copy_(c_t)
            a.addmm_(h_t, w)  # (1)
            i_f = a.narrow(1, 0, 2 * hidden).sigmoid_()  # (2)
            i, f = i_f.narrow(1, 0, hidden), i_f.narrow(1, hidden, hidden)
            g = a.narrow(1, 2 * hidden, hidden).tanh_()  # (2)
            o = a.narrow(1, 3 * hidden, hidden).sigmoid_()  # (2)
            c_t.mul_(f).addcmul_(i, g)  # (3)
            torch.tanh(c_t, out=tanh_c_t)
            if weight_hr is None:
                torch.mul(o, tanh_c_t, out=y_t)  # (4)
            else:
                torch.mm(o * tanh_c_t, weight_hr.t(), out=y_t)  # (5)
            h_t.copy_(y_t)
        return y, h, c, u, c_before, tanh_c

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep what the way back needs."""
        x, h, _, weight_ih, weight_hh, bias_ih, _, weight_hr, ctx.batch_sizes, ctx.reverse = inputs
        y, _, _, *kept = output
        ctx.mark_non_differentiable(*kept)
        ctx.has_bias = bias_ih is not None
        ctx.save_for_backward(x, h, weight_ih, weight_hh, weight_hr, y, *kept)

    @staticmethod
    @first_derivative
    def backward(ctx: Any, d_y: Tensor, d_h_n: Tensor, d_c_n: Tensor, *_: Any) -> Any:
        """d_x, d_h_0, d_c_0 and the gradients of the weights."""
        x, h_0, weight_ih, weight_hh, weight_hr, y, gates, c_before, tanh_c = ctx.saved_tensors
        sizes, hidden = list(ctx.batch_sizes), tanh_c.shape[1]
        i, f, g, o = gates.chunk(4, 1)
        d_a, k_c = factors(i, f, g, o, c_before, tanh_c)  # k, and the gradients in its place
        d_h_all = torch.empty_like(y)  # what reaches each h', for (5)
        rows = (d_a.view(len(x), 4, hidden), d_a, k_c, f, d_y, d_h_all)
        at = list(zip(*(torch.split(a, sizes) for a in rows), strict=True))
        d_h, d_c = d_h_n.clone(), d_c_n.clone()
        for t, n in times(ctx.batch_sizes, not ctx.reverse):
            k_t, d_a_t, k_c_t, f_t, d_y_t, d_h_all_t = at[t]
            d_h_t, d_c_t = d_h.narrow(0, 0, n).add_(d_y_t), d_c.narrow(0, 0, n)
            d_m = d_h_t
            if weight_hr is not None:
                d_m = d_h_all_t.copy_(d_h_t) @ weight_hr  # (5)
            d_c_t.addcmul_(d_m, k_c_t)  # (4)
            k_t.narrow(1, 0, 3).mul_(d_c_t.unsqueeze(1))  # (3) (2)
            k_t.select(1, 3).mul_(d_m)  # (4) (2)
            d_c_t.mul_(f_t)  # (3)
            torch.mm(d_a_t, weight_hh, out=d_h_t)  # (1) towards h
        # (5) and (1), all steps at once
        d_w_hr = None if weight_hr is None else d_h_all.t() @ (o * tanh_c)
        d_b = d_a.sum(0) if ctx.has_bias else None
        d_x = d_a @ weight_ih if ctx.needs_input_grad[0] else None
        d_w_hh = d_a.t() @ before(y, h_0, sizes, ctx.reverse)
        d_b_hh = None if d_b is None else d_b.clone()
        return d_x, d_h, d_c, d_a.t() @ x, d_w_hh, d_b, d_b_hh, d_w_hr, None, None


def factors(
    i: Float[Tensor, "R H"],
    f: Float[Tensor, "R H"],
    g: Float[Tensor, "R H"],
    o: Float[Tensor, "R H"],
    c: Float[Tensor, "R H"],
    tanh_c: Float[Tensor, "R H"],
) -> tuple[Float[Tensor, "R G"], Float[Tensor, "R H"]]:
    """[k_i | k_f | k_g | k_o], side by side, and k_c."""
    k_i = (1 - i).mul_(i).mul_(g)  # (3) (2)
    k_f = (1 - f).mul_(f).mul_(c)  # (3) (2)
    k_g = (1 - g * g).mul_(i)  # (3) (2)
    k_o = (1 - o).mul_(o).mul_(tanh_c)  # (4) (2)
    return torch.cat([k_i, k_f, k_g, k_o], 1), (1 - tanh_c * tanh_c).mul_(o)  # (4)
