"""GRU over all steps of one direction, as one autograd.Function with its backward by hand.

The equations are those of numpy_bptt/gru.py, arranged for speed: u is one product for all steps, and the
gradients of the weights are one product each, of all steps' d_u and d_v. All that the loop back does with
d_h' is linear, and its factors k are computed for all steps at once:

    (1)  u  = x W_ihᵀ + b_ih,   v = h W_hhᵀ + b_hh
    (2)  r  = σ(u_r + v_r),  z = σ(u_z + v_z)
    (3)  n  = tanh(u_n + r ⊙ v_n)
    (4)  h' = n + z ⊙ (h - n)

    (4) (3) (2)  [d_a_r | d_a_z | d_v_n | d_a_n] = [k_r | k_z | k_v | k_n] ⊙ d_h'
         k_n = (1-z) ⊙ (1-n²)    k_v = r ⊙ k_n    k_z = (h-n) ⊙ z ⊙ (1-z)    k_r = v_n ⊙ (1-r) ⊙ k_v

Axes (scratch_rnn/notation.py): R rows, N batch, I input, H hidden, G = 3H gate rows.
K blocks of features.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from scratch_rnn.fused.in_torch.once import Once, apply, before, first_derivative, hoist, times
from scratch_rnn.torch_autograd.gru import Params, State


def forward(
    x: Float[Tensor, "R I"], batch_sizes: Sequence[int], state: State, params: Params, reverse: bool
) -> tuple[Float[Tensor, "R H"], State]:
    """(y, the state after each sequence's last step)."""
    y, h_n, *_ = apply(FusedGRU, x, state, params, tuple(batch_sizes), reverse)
    return y, State(h_n)


class FusedGRU(Once):
    """(x, h_0, weights) -> (y, h_n, and for the way back: gates r, z, n and v_n of all steps)."""

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
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The gates are made where u stood, v_n keeps a place of its own."""
        hidden, sizes = h.shape[1], list(batch_sizes)
        u = hoist(x, weight_ih, bias_ih)  # (1)
        v = u.new_empty(u.shape)
        y = u.new_empty(len(x), hidden)
        w, h = weight_hh.t(), h.clone()
        at = list(zip(torch.split(u, sizes), torch.split(v, sizes), torch.split(y, sizes), strict=True))
        for t, n in times(batch_sizes, reverse):
            u_t, v_t, y_t = at[t]
            h_t = h.narrow(0, 0, n)
            if bias_hh is None:
                torch.mm(h_t, w, out=v_t)  # (1)
            else:
                torch.addmm(bias_hh, h_t, w, out=v_t)  # (1)
            r_z = u_t.narrow(1, 0, 2 * hidden).add_(v_t.narrow(1, 0, 2 * hidden)).sigmoid_()  # (2)
            r, z = r_z.narrow(1, 0, hidden), r_z.narrow(1, hidden, hidden)
            n_t = u_t.narrow(1, 2 * hidden, hidden)
            n_t.addcmul_(r, v_t.narrow(1, 2 * hidden, hidden)).tanh_()  # (3)
            h_t.copy_(torch.lerp(n_t, h_t, z, out=y_t))  # (4)
        return y, h, u, v.narrow(1, 2 * hidden, hidden)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep what the way back needs."""
        x, h, weight_ih, weight_hh, bias_ih, _, ctx.batch_sizes, ctx.reverse = inputs
        y, _, gates, v_n = output
        ctx.mark_non_differentiable(gates, v_n)
        ctx.set_materialize_grads(True)
        ctx.has_bias = bias_ih is not None
        ctx.save_for_backward(x, h, weight_ih, weight_hh, y, gates, v_n)

    @staticmethod
    @first_derivative
    def backward(ctx: Any, d_y: Tensor, d_h_n: Tensor, *_: Any) -> Any:
        """d_x, d_h_0 and the gradients of the weights."""
        x, h_0, weight_ih, weight_hh, y, gates, v_n = ctx.saved_tensors
        sizes, hidden = list(ctx.batch_sizes), y.shape[1]
        h = before(y, h_0, sizes, ctx.reverse)
        r, z, n = gates.chunk(3, 1)
        d_a = factors(h, r, z, n, v_n)  # k, and the gradients in its place
        rows = (torch.split(a, sizes) for a in (d_a.view(len(x), 4, hidden), d_a, d_y, z))
        d_h, at = d_h_n.clone(), list(zip(*rows, strict=True))
        for t, n_t in times(ctx.batch_sizes, not ctx.reverse):
            k_t, d_a_t, d_y_t, z_t = at[t]
            d_h_t = d_h.narrow(0, 0, n_t).add_(d_y_t)
            k_t.mul_(d_h_t.unsqueeze(1))  # (4) (3) (2)
            d_h_t.mul_(z_t).addmm_(d_a_t.narrow(1, 0, 3 * hidden), weight_hh)  # (4) and (1) towards h
        # (1)  u = x W_ihᵀ + b_ih,   v = h W_hhᵀ + b_hh, all steps at once
        d_v = d_a.narrow(1, 0, 3 * hidden)
        d_u = torch.cat([d_a.narrow(1, 0, 2 * hidden), d_a.narrow(1, 3 * hidden, hidden)], 1)
        d_b_ih, d_b_hh = (d_u.sum(0), d_v.sum(0)) if ctx.has_bias else (None, None)
        d_x = d_u @ weight_ih if ctx.needs_input_grad[0] else None
        return d_x, d_h, d_u.t() @ x, d_v.t() @ h, d_b_ih, d_b_hh, None, None


def factors(
    h: Float[Tensor, "R H"],
    r: Float[Tensor, "R H"],
    z: Float[Tensor, "R H"],
    n: Float[Tensor, "R H"],
    v_n: Float[Tensor, "R H"],
) -> Float[Tensor, "R K"]:
    """[k_r | k_z | k_v | k_n], side by side."""
    one_minus_z = 1 - z
    k_n = one_minus_z * (1 - n * n)  # (4) (3)
    k_v = r * k_n  # (3)
    k_z = (h - n).mul_(z).mul_(one_minus_z)  # (4) (2)
    k_r = (1 - r).mul_(v_n).mul_(k_v)  # (3) (2)
    return torch.cat([k_r, k_z, k_v, k_n], 1)
