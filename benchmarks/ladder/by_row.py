"""Rung 3, rows first: a step writes into arrays that are made once, with one tanh for σ and tanh.

The gradient of W_hh is one GEMM for all steps, after the backward loop.

    (1)  u = x W_ihᵀ + b_ih for all steps,  v = h W_hhᵀ + b_hh at each step
    (2)  the next state from u, v and the state: cells.py

T steps, N rows, H hidden; K gates of H rows each.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from benchmarks.ladder.cells import CELLS, expect_plain


class Tape(NamedTuple):
    """What the backward pass needs: every h and every state, the first included, and what the cell saves."""

    x: ndarray
    params: Any
    hs: ndarray
    states: list[tuple[ndarray, ...]]
    saved: ndarray


class ByRow:
    """An engine for one cell."""

    def __init__(self, cell: str) -> None:
        self.cell = CELLS[cell]

    def forward(
        self, x: ndarray, sizes: Sequence[int], state: Any, p: Any, reverse: bool, keep: bool, **options: str
    ) -> Any:
        """(y, the last state, tape)."""
        expect_plain(reverse, options)
        cell, steps, (n, hidden), gates = self.cell, len(sizes), state.h.shape, len(self.cell.halves)
        weight_ih, weight_hh, bias_ih, bias_hh = fold(cell, p)
        u: Any = x @ weight_ih.T
        u += bias_ih  # (1)
        u = u.reshape(steps, n, -1)
        hs, v = np.empty((steps + 1, n, hidden), x.dtype), np.empty(u.shape[1:], x.dtype)
        saved = np.empty((steps if keep else 1, n, cell.saved * hidden), x.dtype)
        hs[0], states = state.h, [tuple(state)]
        for t in range(steps):
            np.dot(hs[t], weight_hh.T, out=v)
            v += bias_hh  # (1)
            u_t, v_t, here = _gates(u[t], gates), _gates(v, gates), saved[t if keep else 0]
            states.append(cell.step(u_t, v_t, _gates(here, cell.saved), states[-1], hs[t + 1]))  # (2)
        return hs[1:].reshape(len(x), hidden), type(state)(*states[-1]), Tape(x, p, hs, states, saved)

    def backward(self, d_y: ndarray, d_state: Any, tape: Tape) -> Any:
        """(d_x, the gradient of the first state, the gradients of the weights)."""
        (x, p, hs, states, saved), cell, gates = tape, self.cell, len(self.cell.halves)
        steps, (n, hidden) = len(saved), d_state.h.shape
        d_u: Any = np.empty((steps, n, len(p.weight_ih)), x.dtype)
        d_v = d_u if cell.one_bias else np.empty_like(d_u)
        d_at = d_y.reshape(steps, n, hidden)
        for t in reversed(range(steps)):
            d = (d_state[0] + d_at[t], *d_state[1:])  # h' is read by y_t and by the next step
            d_gates = _gates(d_u[t], gates), _gates(d_v[t], gates)
            here = _gates(saved[t], cell.saved)
            d_h_2, *d_others = cell.step_backward(d, here, states[t], hs[t + 1], *d_gates)  # (2)
            d_state = type(d_state)(d_v[t] @ p.weight_hh + d_h_2, *d_others)  # (1)
        d_u, d_v = d_u.reshape(len(x), -1), d_v.reshape(len(x), -1)
        d_weight_hh = d_v.T @ hs[:-1].reshape(len(x), hidden)
        return d_u @ p.weight_ih, d_state, type(p)(d_u.T @ x, d_weight_hh, d_u.sum(axis=0), d_v.sum(axis=0))


def fold(cell: Any, p: Any) -> tuple[ndarray, ...]:
    """The weights and biases with the factor ½ of σ folded in."""
    halves = np.repeat(np.array(cell.halves, p.weight_hh.dtype), p.weight_hh.shape[1])
    return tuple((weight.T * halves).T for weight in p[:4])


def _gates(a: ndarray, k: int) -> ndarray:
    """(N, K·H) as (K, N, H), a view."""
    return a.reshape(len(a), k, a.shape[1] // max(k, 1)).swapaxes(0, 1)
