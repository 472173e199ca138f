"""Rung 4, features first: each gate of a step is one contiguous block; rows first it is N pieces.

As rung 3 with every array of a step transposed, and b_ih + b_hh added in u where the cell allows it. u and
d_u are columns, (G, T·N), so that the large products need no transpose either.

    (1)  u = W_ih xᵀ + b for all steps,  v = W_hh h at each step (+ b_hh in the GRU, where r scales it)
    (2)  the next state from u, v and the state: cells.py
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from benchmarks.ladder.by_row import Tape, fold
from benchmarks.ladder.cells import CELLS, expect_plain


class ByFeature:
    """An engine for one cell."""

    def __init__(self, cell: str) -> None:
        self.cell = CELLS[cell]

    def forward(
        self, x: ndarray, sizes: Sequence[int], state: Any, p: Any, reverse: bool, keep: bool, **options: str
    ) -> Any:
        """(y, the last state, tape)."""
        expect_plain(reverse, options)
        cell, steps, (n, hidden) = self.cell, len(sizes), state.h.shape
        weight_ih, weight_hh, bias_ih, bias_hh = fold(cell, p)
        u: Any = weight_ih @ x.T
        u += (bias_ih + bias_hh if cell.one_bias else bias_ih)[:, None]  # (1)
        u = u.reshape(len(cell.halves), hidden, steps, n)
        hs, v = np.empty((steps + 1, hidden, n), x.dtype), np.empty((*u.shape[:2], n), x.dtype)
        saved = np.empty((steps if keep else 1, cell.saved, hidden, n), x.dtype)
        states = [tuple(np.ascontiguousarray(part.T) for part in state)]
        hs[0] = states[0][0]
        for t in range(steps):
            np.dot(weight_hh, hs[t], out=v.reshape(-1, n))
            if not cell.one_bias:
                v += bias_hh.reshape(-1, hidden, 1)  # (1)
            here = saved[t if keep else 0]
            states.append(cell.step(u[:, :, t], v, here, states[-1], hs[t + 1]))  # (2)
        y = np.ascontiguousarray(hs[1:].swapaxes(1, 2)).reshape(len(x), hidden)
        return y, type(state)(*(part.T for part in states[-1])), Tape(x, p, hs, states, saved)

    def backward(self, d_y: ndarray, d_state: Any, tape: Tape) -> Any:
        """(d_x, the gradient of the first state, the gradients of the weights)."""
        (x, p, hs, states, saved), cell, gates = tape, self.cell, len(self.cell.halves)
        steps, (n, hidden) = len(saved), d_state.h.shape
        d_u: Any = np.empty((len(p.weight_ih), steps, n), x.dtype)
        d_v = d_u if cell.one_bias else np.empty_like(d_u)
        of_step = np.empty((2, len(d_u), n), x.dtype)  # the gradients of one step, contiguous
        d_u_t, d_v_t = of_step[0], of_step[0 if cell.one_bias else 1]
        d_at, d = d_y.reshape(steps, n, hidden), tuple(part.T for part in d_state)
        for t in reversed(range(steps)):
            d = (d[0] + d_at[t].T, *d[1:])  # h' is read by y_t and by the next step
            d_gates = (a.reshape(gates, hidden, n) for a in (d_u_t, d_v_t))
            d_h_2, *d_others = cell.step_backward(d, saved[t], states[t], hs[t + 1], *d_gates)  # (2)
            d = (p.weight_hh.T @ d_v_t + d_h_2, *d_others)  # (1)
            d_u[:, t], d_v[:, t] = d_u_t, d_v_t
        d_u, d_v = d_u.reshape(len(d_u), -1), d_v.reshape(len(d_v), -1)
        h = hs[:-1].swapaxes(1, 2).reshape(len(x), hidden)
        d_params = type(p)(d_u @ x, d_v @ h, d_u.sum(axis=1), d_v.sum(axis=1))
        return d_u.T @ p.weight_ih, type(d_state)(*(part.T.copy() for part in d)), d_params
