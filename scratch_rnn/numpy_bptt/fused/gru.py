"""The GRU layer, arranged for speed: one direction over time, forward and backward.

It computes the same as numpy_bptt/gru.py (the cell) with numpy_bptt/layer.py (back-propagation through
time), in fewer and larger NumPy calls (read those two first):

    (1)  v = W_hh h + b_hh,   u = W_ih xᵀ + b_ih         one GEMM for the u of a whole span
    (2)  r, z = (1 + tanh((u + v)/2)) / 2                σ, written as a tanh; see arrays.sigmoid_tail
    (3)  n = tanh(u_n + r ⊙ v_n)
    (4)  h' = n + z ⊙ e,   e = h - n                     = (1 - z) ⊙ n + z ⊙ h

The halves of (2) are folded into the weights. b_hn, which a step adds to v_n, is stored with u, so that
[ v_n | v_r | v_z ] + [ b_hn | u_r | u_z ] is one call; u_n is added after r is known.

Between recurrent GEMMs the backward pass is elementwise and linear in d_h': its factors are precomputed
for all steps of a span (`_factors`), and one product per step overwrites them with gradients. A GEMM adds
its terms in the order of the gates. d_u_n is the largest, so it comes last: the error of d_x in float32 is
then smaller.

Axes (scratch_rnn/notation.py): R rows, I input, H hidden, G = 3H gate rows. In a span T and N are its own
steps and rows; F any features.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from scratch_rnn.numpy_bptt.fused import arrays
from scratch_rnn.numpy_bptt.gru import Params, State
from scratch_rnn.spans import Span, backward_chunks, spans

SAVED = 4  # blocks per step on the tape: v_n r z n
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
        u = arrays.workspace_columns("u", 4 * hidden, span.size, span.n, x)
        np.matmul(p.weight_ih, x[span.rows].T, out=u[hidden:])  # (1)
        u[hidden:] += p.bias_ih[:, None]
        u[:hidden] = p.bias_hh[:, None]
        blocks, hs = arrays.step_memory(span, saved, h_prev, SAVED, keep)
        _forward_span(arrays.columns_by_step(span, u), blocks, hs, h[:, : span.n], p.weight_hh)
        arrays.write_outputs(span, y, hs, h[:, : span.n])
    return y, State(h.T), Tape(x, saved, h_prev, forward_spans, params) if keep else None


class _Folded(NamedTuple):
    """The weights for (2): halves folded in, weight_hh in the order n r z, bias_hh only b_hn."""

    weight_ih: Float[ndarray, "G I"]
    weight_hh: Float[ndarray, "G H"]
    bias_ih: Float[ndarray, "G"]
    bias_hh: Float[ndarray, "H"]


def _fold(p: Params) -> _Folded:
    weight_ih = arrays.reorder_gates(p.weight_ih, (0, 1, 2), (0.5, 0.5, 1.0))
    weight_hh = arrays.reorder_gates(p.weight_hh, (2, 0, 1), (1.0, 0.5, 0.5))
    hidden = p.weight_hh.shape[1]
    if p.bias_ih is None or p.bias_hh is None:
        zeros = np.zeros(3 * hidden, weight_hh.dtype)
        return _Folded(weight_ih, weight_hh, zeros, zeros[:hidden])
    b = (p.bias_ih + p.bias_hh) / 2
    b[2 * hidden :] = p.bias_ih[2 * hidden :]
    return _Folded(weight_ih, weight_hh, b, p.bias_hh[2 * hidden :])


def _forward_span(
    u: Float[ndarray, "T F N"],
    saved: Float[ndarray, "T 4 H N"],
    h_prev: Float[ndarray, "T H N"],
    h: Float[ndarray, "H N"],
    weight_hh: Float[ndarray, "G H"],
) -> None:
    """Fill `saved` and `h_prev`, and overwrite h before the span with h after it."""
    (steps, _, hidden, n), half = saved.shape, np.array(0.5, u.dtype)
    if n == 0:
        return
    v, rz = saved[:, :3].reshape(steps, 3 * hidden, n), saved[:, 1:3].reshape(steps, 2 * hidden * n)
    blocks = saved.swapaxes(0, 1)
    u_v, u_n = u[:, : 3 * hidden], u[:, 3 * hidden :]
    h_prev[0], e = h, arrays.workspace("e", (hidden, n), u)
    h_t = h_prev[0]
    for u_v_t, u_n_t, v_t, rz_t, v_n_t, r_t, z_t, n_t, h_next in zip(
        u_v, u_n, v, rz, *blocks, [*h_prev[1:], h], strict=True
    ):
        np.dot(weight_hh, h_t, out=v_t)
        v_t += u_v_t  # (1)
        tail = () if rz_t.item(rz_t.argmin()) >= arrays.TAIL else arrays.sigmoid_tail(rz_t)
        np.tanh(rz_t, out=rz_t)
        rz_t *= half
        rz_t += half  # (2)
        if tail:
            rz_t.put(*tail)
        np.multiply(r_t, v_n_t, out=n_t)
        n_t += u_n_t
        np.tanh(n_t, out=n_t)  # (3)
        np.subtract(h_t, n_t, out=e)
        e *= z_t
        h_t = np.add(n_t, e, out=h_next)  # (4)


def backward(
    d_y: Float[ndarray, "R H"], d_state_n: State, tape: Tape
) -> tuple[Float[ndarray, "R I"], State, Params]:
    """The spans in reverse order: (d_x, the gradient of the first state, d_params).

    The loop fills d_a, a column for each row of x. The other gradients of (1) then need one GEMM per chunk.
    """
    x, saved, h_prev, forward_spans, p = tape
    d_h = arrays.transposed_copy(d_state_n.h)
    hidden = len(d_h)
    sums: Sequence[ndarray] = ()
    d_x = np.empty(x.shape, x.dtype)
    weight_nrz = np.roll(p.weight_hh, hidden, axis=0)
    buffer = arrays.workspace("buffer", (max(span.size for span in forward_spans), FACTORS * hidden), x)
    for chunk in backward_chunks(forward_spans):
        d_a = arrays.workspace_columns("d_a", 4 * hidden, chunk.size, chunk.widest, x)
        h = arrays.workspace_columns("h", hidden, chunk.size, chunk.widest, x)
        for span in chunk.spans:
            k = arrays.blocks(span, buffer[: span.size], FACTORS)
            h_prev_t = arrays.blocks(span, h_prev[span.rows], 1)
            _factors(k, arrays.blocks(span, saved[span.rows], SAVED), h_prev_t[:, 0])
            _backward_span(k, arrays.by_step(span, d_y).swapaxes(1, 2), d_h[:, : span.n], weight_nrz)
            arrays.chunk_columns_by_step(chunk, span, d_a)[...] = k[:, 1:].reshape(
                span.steps, len(d_a), span.n
            )
            arrays.chunk_columns_by_step(chunk, span, h)[...] = h_prev_t[:, 0]
        # (1)  v = W_hh h + b_hh,   u = W_ih xᵀ + b_ih.  The blocks of d_a are v_n r z n, so d_v is rolled
        d_v, d_u = d_a[: 3 * hidden], d_a[hidden:]
        np.matmul(d_u.T, p.weight_ih, out=d_x[chunk.rows])
        shares = d_u @ x[chunk.rows], d_v @ h.T, d_a @ np.ones(chunk.size, x.dtype)
        sums = arrays.add_shares(sums, shares)
    d_weight_ih, d_weight_nrz, d_b = sums
    d_biases = d_b[hidden:], np.roll(d_b[: 3 * hidden], -hidden)
    d_params = Params(d_weight_ih, np.roll(d_weight_nrz, -hidden, axis=0), *d_biases)
    if p.bias_ih is None:
        d_params = d_params._replace(bias_ih=None, bias_hh=None)
    return d_x, State(d_h.T), d_params


def _factors(
    k: Float[ndarray, "T 5 H N"], saved: Float[ndarray, "T 4 H N"], h: Float[ndarray, "T H N"]
) -> None:
    """Fill k with the factors of the backward pass through (4), (3) and (2).

    [ d_h_4 | d_v_n | d_a_r | d_a_z | d_u_n ] = d_h' ⊙ [ z | k_v | k_r | k_z | k_n ]
    """
    v_n, r, z, n = saved.swapaxes(0, 1)
    k_h, k_v, k_r, k_z, k_n = k.swapaxes(0, 1)
    one_less_z = np.subtract(1, z, out=k_h)
    # (4)  h' = (1 - z) ⊙ n + z ⊙ h, and (3):  k_n = (1 - n²) (1 - z),  k_v = k_n r
    np.subtract(1, np.multiply(n, n, out=k_n), out=k_n)
    np.multiply(k_n, one_less_z, out=k_n)
    np.multiply(k_n, r, out=k_v)
    # (2)  σ' = σ (1 - σ):  k_r = k_n v_n r (1 - r),  k_z = (h - n) z (1 - z)
    np.multiply(k_v, np.subtract(1, r, out=k_r), out=k_r)
    np.multiply(k_r, v_n, out=k_r)
    np.multiply(np.subtract(h, n, out=k_z), z, out=k_z)
    np.multiply(k_z, one_less_z, out=k_z)
    np.copyto(k_h, z)


def _backward_span(
    k: Float[ndarray, "T 5 H N"],
    d_y: Float[ndarray, "T H N"],
    d_h: Float[ndarray, "H N"],
    weight_nrz: Float[ndarray, "G H"],
) -> None:
    """Overwrite k with gradients, and d_h after the span with d_h before it."""
    steps, _, hidden, n = k.shape
    d_h_t, d_v = d_h.copy(), k[:, 1:4].reshape(steps, 3 * hidden, n)
    for k_t, d_h_4, d_v_t, d_y_t in zip(k, k[:, 0], d_v, d_y, strict=True):
        np.add(d_h_t, d_y_t, out=d_h_t)  # h' is used as y_t and by the next step
        np.multiply(d_h_t, k_t, out=k_t)  # (4), (3), (2)
        np.dot(weight_nrz.T, d_v_t, out=d_h_t)  # (1)
        np.add(d_h_t, d_h_4, out=d_h_t)  # h is used by (1) and by (4)
    d_h[...] = d_h_t
