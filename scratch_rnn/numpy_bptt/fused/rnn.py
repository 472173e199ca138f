"""The Elman RNN layer, arranged for speed: one direction over time, forward and backward.

It computes the same as numpy_bptt/rnn.py (the cell) with numpy_bptt/layer.py (back-propagation through
time), in fewer and larger NumPy calls (read those two first):

    (1)  a = u_t + h W_hhᵀ,   u = x W_ihᵀ + (b_ih + b_hh)      one GEMM for the u of a whole span
    (2)  h' = tanh(a)   or   h' = max(a, 0)

With one gate the rows already have the layout that a step needs. u is written into the memory of y, and a
step overwrites its rows with a, then with h'. The backward pass computes d_a in place too; for tanh it starts
as the derivative of (2), for all steps at once.

Axes (scratch_rnn/notation.py): R rows, N batch, I input, H hidden. Here G = P = H. In a
span T and N are its own steps and rows; M rows of some steps.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from scratch_rnn.numpy_bptt.fused import arrays
from scratch_rnn.numpy_bptt.rnn import Params, State
from scratch_rnn.spans import Span, spans


class Tape(NamedTuple):
    """All that `backward` needs. `past` is every h in order of time: the first state, then the outputs, or in
    the reverse direction the outputs, then the first state. The derivative of (2) follows from h' alone.
    """

    x: Float[ndarray, "R I"]
    past: Float[ndarray, "M H"]
    batch_sizes: Sequence[int]
    spans: Sequence[Span]
    params: Params
    reverse: bool
    nonlinearity: str


def forward(
    x: Float[ndarray, "R I"],
    batch_sizes: Sequence[int],
    state: State,
    params: Params,
    reverse: bool,
    keep: bool,
    nonlinearity: str = "tanh",
) -> tuple[Float[ndarray, "R H"], State, Tape | None]:
    """One direction over time: (y, the state after each sequence's last step, tape if `keep`)."""
    p, h = params, state.h.copy()
    weight_hh = np.ascontiguousarray(p.weight_hh.T)
    y = np.empty((len(x), h.shape[1]), x.dtype)
    forward_spans = spans(batch_sizes, h.shape[1], reverse)
    for span in forward_spans:
        u = y[span.rows]
        np.matmul(x[span.rows], p.weight_ih.T, out=u)  # (1)
        if p.bias_ih is not None:
            u += p.bias_ih + p.bias_hh
        _forward_span(arrays.by_step(span, y), h[: span.n], weight_hh, nonlinearity)
    if not keep:
        return y, State(h), None
    past = np.concatenate((y, state.h) if reverse else (state.h, y))
    return y, State(h), Tape(x, past, batch_sizes, forward_spans, p, reverse, nonlinearity)


def _forward_span(
    y: Float[ndarray, "T N H"],
    h: Float[ndarray, "N H"],
    weight_hh: Float[ndarray, "H H"],
    nonlinearity: str,
) -> None:
    """Overwrite u with y, and h before the span with h after it."""
    h_t, hw = h, arrays.workspace("hw", h.shape, h)
    for y_t in y:
        np.dot(h_t, weight_hh, out=hw)
        np.add(y_t, hw, out=y_t)  # (1)
        if nonlinearity == "tanh":
            np.tanh(y_t, out=y_t)  # (2)
        else:
            np.maximum(y_t, 0, out=y_t)  # (2)
        h_t = y_t
    h[...] = h_t


def backward(
    d_y: Float[ndarray, "R H"], d_state_n: State, tape: Tape
) -> tuple[Float[ndarray, "R I"], State, Params]:
    """The spans in reverse order: (d_x, the gradient of the first state, d_params).

    The loop fills d_a, a row for each row of x. The other gradients of (1) then need one GEMM each.
    """
    x, past, batch_sizes, forward_spans, p, reverse, nonlinearity = tape
    y = past[: len(x)] if reverse else past[batch_sizes[0] :]
    d_h, d_a = d_state_n.h.copy(), arrays.workspace("d_a", y.shape, y)
    for span in reversed(forward_spans):
        h_next, d_y_t, d_a_t = (arrays.by_step(span.reversed, rows) for rows in (y, d_y, d_a))
        _backward_span(d_a_t, d_y_t, h_next, d_h[: span.n], p.weight_hh, nonlinearity)
    # (1)  a = x W_ihᵀ + b_ih + h W_hhᵀ + b_hh
    h = _previous_h(past, batch_sizes, reverse)
    d_b = None if p.bias_ih is None else np.ones(len(x), x.dtype) @ d_a
    d_params = Params(d_a.T @ x, d_a.T @ h, d_b, None if d_b is None else d_b.copy())
    return d_a @ p.weight_ih, State(d_h), d_params


def _previous_h(
    past: Float[ndarray, "M H"], batch_sizes: Sequence[int], reverse: bool
) -> Float[ndarray, "R H"]:
    """The h that each row's step started from.

    If all sequences are equally long, that is `past` without its last step in the order of computation.
    """
    n_0 = batch_sizes[0]
    rows = len(past) - n_0
    if batch_sizes[-1] == n_0:
        return past[n_0:] if reverse else past[:rows]
    starts = np.cumsum((0, *batch_sizes)).tolist()
    if not reverse:
        firsts = (0, *(n_0 + start for start in starts[:-2]))
        return np.concatenate([past[s : s + n] for s, n in zip(firsts, batch_sizes, strict=True)])
    parts = []
    for start, later, n in zip(starts[1:], (*batch_sizes[1:], 0), batch_sizes, strict=True):
        # Step t starts from the h' of t+1; a sequence whose last step is t starts from its first state.
        parts += [past[start : start + later], past[rows + later : rows + n]]
    return np.concatenate(parts)


def _backward_span(
    d_a: Float[ndarray, "T N H"],
    d_y: Float[ndarray, "T N H"],
    h_next: Float[ndarray, "T N H"],
    d_h: Float[ndarray, "N H"],
    weight_hh: Float[ndarray, "H H"],
    nonlinearity: str,
) -> None:
    """Fill d_a, and overwrite d_h after the span with d_h before it."""
    if nonlinearity == "tanh":
        # (2)  tanh' = 1 - tanh², for all steps at once
        np.subtract(1, np.multiply(h_next, h_next, out=d_a), out=d_a)
    for d_a_t, d_y_t, h_t in zip(d_a, d_y, h_next, strict=True):
        np.add(d_h, d_y_t, out=d_h)  # h' is used as y_t and by the next step
        if nonlinearity == "tanh":
            np.multiply(d_h, d_a_t, out=d_a_t)  # (2)
        else:
            np.copyto(d_a_t, d_h)
            np.copyto(d_a_t, 0, where=h_t <= 0)  # (2)  max(a, 0)' = 0 where h' ≤ 0
        np.dot(d_a_t, weight_hh, out=d_h)  # (1)
