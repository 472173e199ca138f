"""The GRU layer with the reset gate before the matrix product, arranged for speed: one direction over time.

It computes the same as numpy_bptt/gru_reset_before.py (the cell) with numpy_bptt/layer.py (back-propagation
through time), in fewer and larger NumPy calls (read those two first, and fused/gru.py):

    (1)  v = W_rz h,   u = W_ih xᵀ + (b_ih + b_hh)       one GEMM for the u of a whole span
    (2)  r, z = (1 + tanh((u + v)/2)) / 2                σ, written as a tanh; see arrays.sigmoid_tail
    (3)  n = tanh(u_n + W_hn (r ⊙ h))
    (4)  h' = n + z ⊙ e,   e = h - n                     = (1 - z) ⊙ n + z ⊙ h

The halves of (2) are folded into the weights. The backward pass has two recurrent GEMMs per step, like the
forward pass. Between them it is elementwise and linear: its factors are precomputed for all steps of a span
(`_factors`), and two products per step overwrite them with gradients.

Axes (scratch_rnn/notation.py): R rows, I input, H hidden, G = 3H gate rows. In a span T and N are its own
steps and rows; F any features.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from scratch_rnn.numpy_bptt.fused import arrays
from scratch_rnn.numpy_bptt.gru_reset_before import Params, State
from scratch_rnn.spans import Span, backward_chunks, spans

SAVED = 3  # blocks per step on the tape: r z n
FACTORS = 5  # blocks per step in the backward pass, see _factors


class Tape(NamedTuple):
    """All that `backward` needs."""

    x: Float[ndarray, "R I"]
    saved: Float[ndarray, "R F"]
    h_prev: Float[ndarray, "R H"]
    spans: Sequence[Span]
    params: Params


def forward(
    x: Float[ndarray, "R I"],
    batch_sizes: Sequence[int],
    state: State,
    params: Params,
    reverse: bool,
    keep: bool,
) -> tuple[Float[ndarray, "R H"], State, Tape | None]:
    """One direction over time: (y, the state after each sequence's last step, tape if `keep`)."""
    p, h = _fold(params), arrays.transposed_copy(state.h)
    hidden = len(h)
    forward_spans = spans(batch_sizes, FACTORS * hidden, reverse)
    if keep:
        saved, h_prev = (np.empty((len(x), k * hidden), x.dtype) for k in (SAVED, 1))
    else:
        saved = arrays.workspace("saved", (batch_sizes[0], SAVED * hidden), x)
        h_prev = arrays.workspace("h_prev", (max(span.size for span in forward_spans), hidden), x)
    y = np.empty((len(x), hidden), x.dtype)
    for span in forward_spans:
        u = arrays.workspace_columns("u", 3 * hidden, span.size, span.n, x)
        np.matmul(p.weight_ih, x[span.rows].T, out=u)  # (1)
        if p.bias_ih is not None:
            u += p.bias_ih[:, None]
        blocks, hs = arrays.step_memory(span, saved, h_prev, SAVED, keep)
        _forward_span(arrays.columns_by_step(span, u), blocks, hs, h[:, : span.n], p.weight_hh)
        arrays.write_outputs(span, y, hs, h[:, : span.n])
    return y, State(h.T), Tape(x, saved, h_prev, forward_spans, params) if keep else None


def _fold(p: Params) -> Params:
    """The weights for (2): halves folded in, the two biases summed."""
    order, scales = (0, 1, 2), (0.5, 0.5, 1.0)
    b = None if p.bias_ih is None else arrays.reorder_gates(p.bias_ih + p.bias_hh, order, scales)
    weight_ih = arrays.reorder_gates(p.weight_ih, order, scales)
    return Params(weight_ih, arrays.reorder_gates(p.weight_hh, order, scales), b)


def _forward_span(
    u: Float[ndarray, "T G N"],
    saved: Float[ndarray, "T 3 H N"],
    h_prev: Float[ndarray, "T H N"],
    h: Float[ndarray, "H N"],
    weight_hh: Float[ndarray, "G H"],
) -> None:
    """Fill `saved` and `h_prev`, and overwrite h before the span with h after it."""
    (steps, _, hidden, n), half = saved.shape, np.array(0.5, u.dtype)
    if n == 0:
        return
    weight_rz, weight_n = weight_hh[: 2 * hidden], weight_hh[2 * hidden :]
    rz, blocks = saved[:, :2].reshape(steps, 2 * hidden, n), saved.swapaxes(0, 1)
    h_prev[0], e = h, arrays.workspace("e", (hidden, n), u)
    h_t = h_prev[0]
    for u_rz_t, u_n_t, rz_t, r_t, z_t, n_t, h_next in zip(
        u[:, : 2 * hidden], u[:, 2 * hidden :], rz, *blocks, [*h_prev[1:], h], strict=True
    ):
        np.dot(weight_rz, h_t, out=rz_t)
        rz_t += u_rz_t  # (1)
        tail = () if rz_t.item(rz_t.argmin()) >= arrays.TAIL else arrays.sigmoid_tail(rz_t)
        np.tanh(rz_t, out=rz_t)
        rz_t *= half
        rz_t += half  # (2)
        if tail:
            rz_t.put(*tail)
        np.dot(weight_n, np.multiply(r_t, h_t, out=e), out=n_t)
        n_t += u_n_t
        np.tanh(n_t, out=n_t)  # (3)
        np.subtract(h_t, n_t, out=e)
        e *= z_t
        h_t = np.add(n_t, e, out=h_next)  # (4)


def backward(
    d_y: Float[ndarray, "R H"], d_state_n: State, tape: Tape
) -> tuple[Float[ndarray, "R I"], State, Params]:
    """The spans in reverse order: (d_x, the gradient of the first state, d_params).

    The loop fills d_a, a column for each row of x. The other gradients then need one GEMM per chunk each.
    """
    x, saved, h_prev, forward_spans, p = tape
    d_h = arrays.transposed_copy(d_state_n.h)
    hidden = len(d_h)
    sums: Sequence[ndarray] = ()
    d_x = np.empty(x.shape, x.dtype)
    buffer = arrays.workspace("buffer", (max(span.size for span in forward_spans), FACTORS * hidden), x)
    for chunk in backward_chunks(forward_spans):
        d_a, h, rh = (
            arrays.workspace_columns(name, k * hidden, chunk.size, chunk.widest, x)
            for name, k in (("d_a", 3), ("h", 1), ("rh", 1))
        )
        for span in chunk.spans:
            k = arrays.blocks(span, buffer[: span.size], FACTORS)
            blocks = arrays.blocks(span, saved[span.rows], SAVED)
            h_t = arrays.blocks(span, h_prev[span.rows], 1)[:, 0]
            _factors(k, blocks, h_t)
            _backward_span(k, arrays.by_step(span, d_y).swapaxes(1, 2), d_h[:, : span.n], p.weight_hh)
            arrays.chunk_columns_by_step(chunk, span, d_a)[...] = k[:, 1:4].reshape(
                span.steps, len(d_a), span.n
            )
            arrays.chunk_columns_by_step(chunk, span, h)[...] = h_t
            np.multiply(blocks[:, 0], h_t, out=arrays.chunk_columns_by_step(chunk, span, rh))
        # (3)  W_hn (r ⊙ h),  (1)  v = W_rz h,   u = W_ih xᵀ + b_ih + b_hh
        np.matmul(d_a.T, p.weight_ih, out=d_x[chunk.rows])
        d_v, d_a_n = d_a[: 2 * hidden], d_a[2 * hidden :]
        shares = d_a @ x[chunk.rows], d_v @ h.T, d_a_n @ rh.T, d_a @ np.ones(chunk.size, x.dtype)
        sums = arrays.add_shares(sums, shares)
    d_weight_ih, d_weight_rz, d_weight_n, d_b = sums
    d_params = Params(d_weight_ih, np.concatenate([d_weight_rz, d_weight_n]), d_b, d_b.copy())
    if p.bias_ih is None:
        d_params = d_params._replace(bias_ih=None, bias_hh=None)
    return d_x, State(d_h.T), d_params


def _factors(
    k: Float[ndarray, "T 5 H N"], saved: Float[ndarray, "T 3 H N"], h: Float[ndarray, "T H N"]
) -> None:
    """Fill k with the factors of the backward pass through (4), (3) and (2).

    [ d_h_3 | d_a_r ] = d_(r⊙h) ⊙ [ r | k_r ],   [ d_a_z | d_a_n | d_h_4 ] = d_h' ⊙ [ k_z | k_n | z ]

    d_h_3 and d_h_4 are shares of d_h.
    """
    r, z, n = saved.swapaxes(0, 1)
    k_h_3, k_r, k_z, k_n, k_h_4 = k.swapaxes(0, 1)
    one_less_z = np.subtract(1, z, out=k_h_4)
    # (4)  h' = (1 - z) ⊙ n + z ⊙ h, and (3):  k_n = (1 - n²) (1 - z)
    np.subtract(1, np.multiply(n, n, out=k_n), out=k_n)
    np.multiply(k_n, one_less_z, out=k_n)
    # (2)  σ' = σ (1 - σ):  k_z = (h - n) z (1 - z),  k_r = h r (1 - r)
    np.multiply(np.subtract(h, n, out=k_z), z, out=k_z)
    np.multiply(k_z, one_less_z, out=k_z)
    np.multiply(np.multiply(h, r, out=k_h_3), np.subtract(1, r, out=k_r), out=k_r)
    np.copyto(k_h_3, r)
    np.copyto(k_h_4, z)


def _backward_span(
    k: Float[ndarray, "T 5 H N"],
    d_y: Float[ndarray, "T H N"],
    d_h: Float[ndarray, "H N"],
    weight_hh: Float[ndarray, "G H"],
) -> None:
    """Overwrite k with gradients, and d_h after the span with d_h before it."""
    steps, _, hidden, n = k.shape
    weight_rz, weight_n = weight_hh[: 2 * hidden], weight_hh[2 * hidden :]
    d_h_t, d_rh = d_h.copy(), arrays.workspace("d_rh", (hidden, n), k)
    d_v = k[:, 1:3].reshape(steps, 2 * hidden, n)
    for k_rh_t, k_h_t, d_h_3, d_v_t, d_a_n, d_h_4, d_y_t in zip(
        k[:, :2], k[:, 2:], k[:, 0], d_v, k[:, 3], k[:, 4], d_y, strict=True
    ):
        np.add(d_h_t, d_y_t, out=d_h_t)  # h' is used as y_t and by the next step
        np.multiply(d_h_t, k_h_t, out=k_h_t)  # (4), (3), (2)
        np.dot(weight_n.T, d_a_n, out=d_rh)  # (3)
        np.multiply(d_rh, k_rh_t, out=k_rh_t)  # (3), (2)
        np.dot(weight_rz.T, d_v_t, out=d_h_t)  # (1)
        np.add(d_h_t, d_h_3, out=d_h_t)  # h is used by (1), by (3) and by (4)
        np.add(d_h_t, d_h_4, out=d_h_t)
    d_h[...] = d_h_t
