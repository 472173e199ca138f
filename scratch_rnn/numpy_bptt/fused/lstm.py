"""The LSTM layer, arranged for speed: one direction over time, forward and backward.

It computes the same as numpy_bptt/lstm.py (the cell) with numpy_bptt/layer.py (back-propagation through
time), in fewer and larger NumPy calls (read those two first):

    (1)  a = u_t + W_hh h,   u = W_ih xᵀ + (b_ih + b_hh)      one GEMM for the u of a whole span
    (2)  i, f, o = (1 + tanh(a/2)) / 2,   g = tanh(a)         one tanh for all; see arrays.sigmoid_tail
    (3)  c' = p + q,   [ p | q ] = [ i | f ] ⊙ [ g | c ]      adjacent in memory: one product
    (4)  m = o ⊙ tanh(c')
    (5)  h' = m   or   h' = W_hr m

The halves of (2) are folded into the weights. Between recurrent GEMMs the backward pass is elementwise
and linear in d_m and d_c': its factors are precomputed for all steps of a span (`_factors`), and each
step overwrites them with gradients.

What replaces which lines of the readable code:

    u of a whole span              linear(x, …) of (1) in lstm.step
    _fold, and one tanh            sigmoid and np.tanh of (2); np.split and np.concatenate
    _factors                       the adjoints of (4), (3) and (2) in step_backward, for all steps of a span
    _backward_span                 the loop of layer.backward
    the GEMMs of a chunk           linear_backward at (1), and _add in layer.py
    arrays.workspace               new arrays at every step

Axes (scratch_rnn/notation.py): R rows, I input, H hidden, P width of h, G = 4H gate rows. In a span T and N
are its own steps and rows; F any features.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from scratch_rnn.numpy_bptt.fused import arrays
from scratch_rnn.numpy_bptt.lstm import Params, State
from scratch_rnn.spans import Span, backward_chunks, spans

SAVED = 5  # blocks per step on the tape: i f o g c
FACTORS = 6  # blocks per step in the backward pass, see _factors


class Tape(NamedTuple):
    """All that `backward` needs. tanh(c') is not saved: computing it again costs less."""

    x: Float[ndarray, "R I"]
    saved: Float[ndarray, "R F"]
    h_prev: Float[ndarray, "R P"]
    spans: Sequence[Span]
    params: Params


def forward(
    x: Float[ndarray, "R I"],
    batch_sizes: Sequence[int],
    state: State,
    params: Params,
    reverse: bool,
    keep: bool,
) -> tuple[Float[ndarray, "R P"], State, Tape | None]:
    """One direction over time: (y, the state after each sequence's last step, tape if `keep`)."""
    p, h, c = _fold(params), arrays.transposed_copy(state.h), arrays.transposed_copy(state.c)
    forward_spans = spans(batch_sizes, FACTORS * len(c), reverse)
    if keep:
        saved = np.empty((len(x), SAVED * len(c)), x.dtype)
        h_prev = np.empty((len(x), len(h)), x.dtype)
    else:
        saved = arrays.workspace("saved", (batch_sizes[0], SAVED * len(c)), x)
        h_prev = arrays.workspace("h_prev", (max(span.size for span in forward_spans), len(h)), x)
    y = np.empty((len(x), len(h)), x.dtype)
    for span in forward_spans:
        u = arrays.workspace_columns("u", 4 * len(c), span.size, span.n, x)
        np.matmul(p.weight_ih, x[span.rows].T, out=u)  # (1)
        if p.bias_ih is not None:
            u += p.bias_ih[:, None]
        blocks, hs = arrays.step_memory(span, saved, h_prev, SAVED, keep)
        h_n, c_n = h[:, : span.n], c[:, : span.n]
        _forward_span(arrays.columns_by_step(span, u), blocks, hs, h_n, c_n, p)
        arrays.write_outputs(span, y, hs, h_n)
    return y, State(h.T, c.T), Tape(x, saved, h_prev, forward_spans, params) if keep else None


def _fold(p: Params) -> Params:
    """The weights for (2): gates in the order i f o g, halves folded in, the two biases summed."""
    order, scales = (0, 1, 3, 2), (0.5, 0.5, 0.5, 1.0)
    b = None if p.bias_ih is None else arrays.reorder_gates(p.bias_ih + p.bias_hh, order, scales)
    weight_ih = arrays.reorder_gates(p.weight_ih, order, scales)
    return Params(weight_ih, arrays.reorder_gates(p.weight_hh, order, scales), b, None, p.weight_hr)


def _forward_span(
    u: Float[ndarray, "T G N"],
    saved: Float[ndarray, "T 5 H N"],
    h_prev: Float[ndarray, "T P N"],
    h: Float[ndarray, "P N"],
    c: Float[ndarray, "H N"],
    p: Params,
) -> None:
    """Fill `saved` and `h_prev`, and overwrite h and c before the span with h and c after it."""
    (steps, _, hidden, n), half = saved.shape, np.array(0.5, u.dtype)
    if n == 0:
        return
    products = arrays.workspace("products", (4, hidden, n), u)
    pq, (p_t, q_t, tanh_c, m) = products[:2], products
    a, ifo = saved[:, :4].reshape(steps, 4 * hidden, n), saved[:, :3].reshape(steps, 3 * hidden * n)
    o, i_f, g_c = saved[:, 2], saved[:, :2], saved[:, 3:]
    saved[0, 4], h_prev[0], h_n = c, h, h.copy()
    h_t = h_prev[0]
    for u_t, a_t, ifo_t, o_t, i_f_t, g_c_t, h_next, c_next in zip(
        u, a, ifo, o, i_f, g_c, [*h_prev[1:], h_n], [*saved[1:, 4], c], strict=True
    ):
        np.dot(p.weight_hh, h_t, out=a_t)
        a_t += u_t  # (1)
        tail = () if ifo_t.item(ifo_t.argmin()) >= arrays.TAIL else arrays.sigmoid_tail(ifo_t)
        np.tanh(a_t, out=a_t)
        ifo_t *= half
        ifo_t += half  # (2)
        if tail:
            ifo_t.put(*tail)
        np.multiply(i_f_t, g_c_t, out=pq)
        np.add(p_t, q_t, out=c_next)  # (3)
        np.tanh(c_next, out=tanh_c)
        if p.weight_hr is None:
            h_t = np.multiply(o_t, tanh_c, out=h_next)  # (4)
        else:
            np.multiply(o_t, tanh_c, out=m)  # (4)
            h_t = np.dot(p.weight_hr, m, out=h_next)  # (5)
    h[...] = h_n


def backward(
    d_y: Float[ndarray, "R P"], d_state_n: State, tape: Tape
) -> tuple[Float[ndarray, "R I"], State, Params]:
    """The spans in reverse order: (d_x, the gradient of the first state, d_params).

    The loop fills d_a, a column for each row of x. The other gradients of (1) then need one GEMM per chunk.
    """
    x, saved, h_prev, forward_spans, p = tape
    d_h, d_c = arrays.transposed_copy(d_state_n.h), arrays.transposed_copy(d_state_n.c)
    sums: Sequence[ndarray] = ()
    d_x = np.empty(x.shape, x.dtype)
    d_weight_hr = None if p.weight_hr is None else np.zeros_like(p.weight_hr)
    buffer = arrays.workspace("buffer", (max(span.size for span in forward_spans), FACTORS * len(d_c)), x)
    for chunk in backward_chunks(forward_spans):
        d_a = arrays.workspace_columns("d_a", len(p.weight_hh), chunk.size, chunk.widest, x)
        h = arrays.workspace_columns("h", len(d_h), chunk.size, chunk.widest, x)
        for span in chunk.spans:
            k = arrays.blocks(span, buffer[: span.size], FACTORS)
            h_prev_t = arrays.blocks(span, h_prev[span.rows], 1)
            m = _factors(k, arrays.blocks(span, saved[span.rows], SAVED))
            d_y_t = arrays.by_step(span, d_y).swapaxes(1, 2)
            d_hs = _backward_span(k, d_y_t, d_h[:, : span.n], d_c[:, : span.n], p)
            arrays.chunk_columns_by_step(chunk, span, d_a)[...] = k[:, 1:5].reshape(
                span.steps, len(d_a), span.n
            )
            arrays.chunk_columns_by_step(chunk, span, h)[...] = h_prev_t[:, 0]
            if d_weight_hr is not None:
                d_weight_hr += np.tensordot(d_hs, m, axes=((0, 2), (0, 2)))  # (5)
        # (1)  a = W_ih xᵀ + b_ih + W_hh h + b_hh
        np.matmul(d_a.T, p.weight_ih, out=d_x[chunk.rows])
        shares = d_a @ x[chunk.rows], d_a @ h.T, d_a @ np.ones(chunk.size, x.dtype)
        sums = arrays.add_shares(sums, shares)
    d_weight_ih, d_weight_hh, d_b = sums
    d_params = Params(d_weight_ih, d_weight_hh, d_b, d_b.copy(), d_weight_hr)
    if p.bias_ih is None:
        d_params = d_params._replace(bias_ih=None, bias_hh=None)
    return d_x, State(d_h.T, d_c.T), d_params


def _factors(k: Float[ndarray, "T 6 H N"], saved: Float[ndarray, "T 5 H N"]) -> Float[ndarray, "T H N"]:
    """Fill k with the factors of the backward pass through (4), (3) and (2), and return m.

    d_a_o = d_m ⊙ k_o,   d_c' += d_m ⊙ k_m,
    [ d_c | d_a_i | d_a_f | d_a_g ] = d_c' ⊙ [ f | k_i | k_f | k_g ]
    """
    i, f, o, g, _ = saved.swapaxes(0, 1)
    k_c, _, _, k_g, k_o, k_m = k.swapaxes(0, 1)
    k_i_f, i_f = k[:, 1:3], saved[:, :2]
    pq = np.multiply(i_f, saved[:, 3:], out=arrays.workspace("pq", i_f.shape, k))
    p, q = pq.swapaxes(0, 1)
    tanh_c = np.tanh(np.add(p, q, out=k_m), out=k_m)
    m = np.multiply(o, tanh_c, out=arrays.workspace("m", o.shape, k))
    # (4)  m = o ⊙ tanh(c'):  k_o = m (1 - o),  k_m = o (1 - tanh²)
    np.multiply(m, np.subtract(1, o, out=k_o), out=k_o)
    np.subtract(1, np.multiply(tanh_c, tanh_c, out=k_m), out=k_m)
    np.multiply(o, k_m, out=k_m)
    # (3)  c' = p + q, and (2):  k_i = p (1 - i),  k_f = q (1 - f),  k_g = i (1 - g²)
    np.copyto(k_c, f)
    np.multiply(pq, np.subtract(1, i_f, out=k_i_f), out=k_i_f)
    np.subtract(1, np.multiply(g, g, out=k_g), out=k_g)
    np.multiply(i, k_g, out=k_g)
    return m


def _backward_span(
    k: Float[ndarray, "T 6 H N"],
    d_y: Float[ndarray, "T P N"],
    d_h: Float[ndarray, "P N"],
    d_c: Float[ndarray, "H N"],
    p: Params,
) -> Float[ndarray, "T P N"]:
    """Overwrite k with gradients, and d_h and d_c after the span with those before it. Returns every d_h'."""
    steps, _, hidden, n = k.shape
    d_hs = arrays.workspace("d_hs", (steps, *d_h.shape), k)
    d_m_buffer = arrays.workspace("d_m", (hidden, n), k)
    d_h_t, d_c_t = d_h.copy(), d_c
    d_a, d_cifg = k[:, 1:5].reshape(steps, 4 * hidden, n), k[:, :4]
    for d_h_next, d_y_t, k_o, k_m, d_cifg_t, d_c_prev, d_a_t in zip(
        d_hs, d_y, k[:, 4], k[:, 5], d_cifg, k[:, 0], d_a, strict=True
    ):
        np.add(d_h_t, d_y_t, out=d_h_next)  # h' is used as y_t and by the next step
        d_m = d_h_next
        if p.weight_hr is not None:
            d_m = np.dot(p.weight_hr.T, d_h_next, out=d_m_buffer)  # (5)
        np.multiply(d_m, k_o, out=k_o)  # (4)
        np.multiply(d_m, k_m, out=k_m)
        np.add(d_c_t, k_m, out=k_m)  # c' is used by (4) and by the next step
        np.multiply(k_m, d_cifg_t, out=d_cifg_t)  # (3), (2)
        np.dot(p.weight_hh.T, d_a_t, out=d_h_t)  # (1)
        d_c_t = d_c_prev
    d_h[...], d_c[...] = d_h_t, d_c_t
    return d_hs
