"""Rung 7: features first. A gate of a step is one contiguous block, where with rows first it was N pieces.

The same as rung 6 with every array of a step turned, and b_ih + b_hh in u where the cell lets them stand
together. u and d_u are columns, (G, T·N): so the large products need no turning either.

    (1)  u = W_ih xᵀ + b for all steps,  v = W_hh h for each (+ b_hh in the GRU, where r scales it)
    (2)  h' and c' from u, v and h: cells.py

Axes (scratch_rnn/notation.py): T steps, N rows, I inputs, H hidden, G gate rows; K gates of H rows each.
"""

from typing import Any

import numpy as np
from numpy import ndarray

from benchmarks.ladder.by_hand import Trace, fold
from benchmarks.ladder.cells import CELLS
from benchmarks.ladder.problem import Gradients, Problem, Solution, States, Weights


def features_first(problem: Problem) -> Solution:
    """Rung 7."""
    output, trace = _forward(problem)
    state_n = tuple(part.T.copy() for part in trace.states[-1])
    if problem.d_output is None:
        return Solution(output, state_n, None)
    cell, w, (steps, rows, inputs) = CELLS[problem.cell], problem.weights, problem.x.shape
    d_u = np.empty((len(w.weight_ih), steps, rows), output.dtype)
    d_v = d_u if cell.one_bias else np.empty_like(d_u)
    here = np.empty((2, len(d_u), rows), output.dtype)  # a step's gradients, contiguous
    d_state: States = tuple(part.T for part in problem.d_state_n)
    for t in reversed(range(steps)):
        d_u_t, d_v_t = here[0], here[0] if cell.one_bias else here[1]
        d_state = _retreat(problem, trace, t, d_state, d_u_t, d_v_t)
        d_u[:, t] = d_u_t
        if not cell.one_bias:
            d_v[:, t] = d_v_t
    d_u, d_v = d_u.reshape(len(d_u), -1), d_v.reshape(len(d_v), -1)
    x, h = problem.x.reshape(-1, inputs), np.concatenate([problem.state[0][None], output[:-1]])
    d_w = Weights(d_u @ x, d_v @ h.reshape(-1, problem.hidden), d_u.sum(axis=1), d_v.sum(axis=1))
    d_x = (d_u.T @ w.weight_ih).reshape(problem.x.shape)
    return Solution(output, state_n, Gradients(d_x, tuple(part.T.copy() for part in d_state), d_w))


def _forward(problem: Problem) -> tuple[ndarray, Trace]:
    cell, w, (steps, rows, inputs) = CELLS[problem.cell], fold(problem), problem.x.shape
    x, gates, hidden = problem.x, len(cell.halves), problem.hidden
    us = w.weight_ih @ x.reshape(-1, inputs).T
    us += (w.bias_ih + w.bias_hh if cell.one_bias else w.bias_ih)[:, None]  # (1)
    us = us.reshape(gates, hidden, steps, rows)
    hs = np.empty((steps + 1, hidden, rows), x.dtype)
    kept = np.empty((steps if problem.training else 1, cell.kept, hidden, rows), x.dtype)
    v = np.empty((gates, hidden, rows), x.dtype)
    state: States = tuple(np.ascontiguousarray(part.T) for part in problem.state)
    hs[0], states = state[0], [state]
    for t in range(steps):
        np.dot(w.weight_hh, hs[t], out=v.reshape(-1, rows))
        if not cell.one_bias:
            v += w.bias_hh.reshape(gates, hidden, 1)  # (1)
        here = kept[t if problem.training else 0]
        state = cell.advance(us[:, :, t], v, here, state, hs[t + 1])  # (2)
        states.append(state)
    return np.ascontiguousarray(hs[1:].swapaxes(1, 2)), Trace(hs, states, kept)


def _retreat(problem: Problem, trace: Trace, t: int, d_state: States, d_u: ndarray, d_v: ndarray) -> Any:
    """One step back: fills d_u and d_v, gives back the gradient of the state before it."""
    assert problem.d_output is not None
    cell, gates = CELLS[problem.cell], len(CELLS[problem.cell].halves)
    d = (d_state[0] + problem.d_output[t].T, *d_state[1:])
    d_gates = (a.reshape(gates, problem.hidden, -1) for a in (d_u, d_v))
    direct, *others = cell.retreat(d, trace.kept[t], trace.states[t], trace.hs[t + 1], *d_gates)  # (2)
    return (problem.weights.weight_hh.T @ d_v + direct, *others)  # (1)
