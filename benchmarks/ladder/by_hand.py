"""Rungs 5 and 6: the way back by hand, rows first. The forward pass is that of rung 4 without a tape: what a
step makes goes into room that was made once for all, which is worth something in inference too.

    (1)  u = x W_ihᵀ + b_ih for all steps,  v = h W_hhᵀ + b_hh for each
    (2)  h' and c' from u, v and h: cells.py

Axes (scratch_rnn/notation.py): T steps, N rows, I inputs, H hidden, G gate rows; K gates of H rows each.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from benchmarks.ladder.cells import CELLS
from benchmarks.ladder.problem import Gradients, Problem, Solution, States, Weights


class Trace(NamedTuple):
    """What the way forward leaves: every h, the first included, every state, and what the cell keeps."""

    hs: ndarray
    states: list[States]
    kept: ndarray


def manual_backward(problem: Problem) -> Solution:
    """Rung 5: one function knows what all operators of a step do together, and writes one array of gate
    gradients. Weights, input and state get their products step by step.
    """
    cell, w, (steps, rows, _) = CELLS[problem.cell], problem.weights, problem.x.shape
    output, trace = _forward(problem)
    if problem.d_output is None:
        return Solution(output, trace.states[-1], None)
    d_u = np.empty((rows, len(w.weight_ih)), output.dtype)
    d_v = d_u if cell.one_bias else np.empty_like(d_u)
    d_x, d_w, d_state = np.empty_like(problem.x), Weights(*map(np.zeros_like, w)), problem.d_state_n
    for t in reversed(range(steps)):
        d_state = _retreat(problem, trace, t, d_state, d_u, d_v)
        d_x[t] = d_u @ w.weight_ih
        shares = d_u.T @ problem.x[t], d_v.T @ trace.hs[t], d_u.sum(axis=0), d_v.sum(axis=0)
        for total, share in zip(d_w, shares, strict=True):
            total += share
    return Solution(output, trace.states[-1], Gradients(d_x, d_state, d_w))


def batched_gradients(problem: Problem) -> Solution:
    """Rung 6: the gate gradients of all steps are kept; weights and input get one product for all of them."""
    cell, w, (steps, rows, inputs) = CELLS[problem.cell], problem.weights, problem.x.shape
    output, trace = _forward(problem)
    if problem.d_output is None:
        return Solution(output, trace.states[-1], None)
    d_u = np.empty((steps, rows, len(w.weight_ih)), output.dtype)
    d_v = d_u if cell.one_bias else np.empty_like(d_u)
    d_state = problem.d_state_n
    for t in reversed(range(steps)):
        d_state = _retreat(problem, trace, t, d_state, d_u[t], d_v[t])
    d_u, d_v = d_u.reshape(-1, d_u.shape[2]), d_v.reshape(-1, d_v.shape[2])
    x, h = problem.x.reshape(-1, inputs), trace.hs[:-1].reshape(-1, problem.hidden)
    d_w = Weights(d_u.T @ x, d_v.T @ h, d_u.sum(axis=0), d_v.sum(axis=0))
    return Solution(
        output, trace.states[-1], Gradients((d_u @ w.weight_ih).reshape(problem.x.shape), d_state, d_w)
    )


def fold(problem: Problem) -> Weights:
    """The halves of σ into the weights."""
    halves = np.repeat(np.array(CELLS[problem.cell].halves, problem.x.dtype), problem.hidden)
    return Weights(*((weight.T * halves).T for weight in problem.weights))


def _forward(problem: Problem) -> tuple[ndarray, Trace]:
    cell, w, (steps, rows, inputs) = CELLS[problem.cell], fold(problem), problem.x.shape
    x = problem.x
    us = x.reshape(-1, inputs) @ w.weight_ih.T
    us += w.bias_ih  # (1)
    us = us.reshape(steps, rows, -1)
    hs = np.empty((steps + 1, rows, problem.hidden), x.dtype)
    kept = np.empty((steps if problem.training else 1, rows, cell.kept * problem.hidden), x.dtype)
    v, state = np.empty(us.shape[1:], x.dtype), problem.state
    hs[0], states = state[0], [state]
    for t in range(steps):
        np.dot(hs[t], w.weight_hh.T, out=v)
        v += w.bias_hh  # (1)
        here = _gates(kept[t if problem.training else 0], cell.kept)
        state = cell.advance(
            *(_gates(a, len(cell.halves)) for a in (us[t], v)), here, state, hs[t + 1]
        )  # (2)
        states.append(state)
    return hs[1:], Trace(hs, states, kept)


def _retreat(problem: Problem, trace: Trace, t: int, d_state: States, d_u: ndarray, d_v: ndarray) -> Any:
    """One step back: fills d_u and d_v, gives back the gradient of the state before it."""
    assert problem.d_output is not None
    cell, gates = CELLS[problem.cell], len(CELLS[problem.cell].halves)
    d = (d_state[0] + problem.d_output[t], *d_state[1:])  # h is read by the output and by the next step
    kept = _gates(trace.kept[t], cell.kept)
    d_gates = _gates(d_u, gates), _gates(d_v, gates)
    direct, *others = cell.retreat(d, kept, trace.states[t], trace.hs[t + 1], *d_gates)  # (2)
    return (d_v @ problem.weights.weight_hh + direct, *others)  # (1)


def _gates(a: ndarray, k: int) -> ndarray:
    """(N, K·H) as (K, N, H), a view."""
    return a.reshape(len(a), k, a.shape[1] // max(k, 1)).swapaxes(0, 1)
