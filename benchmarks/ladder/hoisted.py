"""Rung 2: the input projection is computed before the loop over time.

The cell files compute x W_ihᵀ + b_ih at each step. It needs no state: here one GEMM computes it for all
steps, and after the backward loop one GEMM each gives d_x and the gradient of W_ih. The rest is as in the
cell files of scratch_rnn/numpy_bptt, with the same functions.

    (1)  u = x W_ihᵀ + b_ih for all steps,  v = h W_hhᵀ + b_hh at each step
    (2)  the next state from u, v and the state: one function per cell, and its adjoint
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from benchmarks.ladder.cells import expect_plain
from scratch_rnn.numpy_bptt.ops import linear, linear_backward, sigmoid, sigmoid_backward, tanh_backward


class HoistedInput:
    """An engine of scratch_rnn.numpy_bptt for one cell."""

    def __init__(self, cell: str) -> None:
        self.step, self.step_backward = CELLS[cell]

    def forward(
        self, x: ndarray, sizes: Sequence[int], state: Any, p: Any, reverse: bool, keep: bool, **options: str
    ) -> Any:
        """(y, the last state, what backward needs)."""
        expect_plain(reverse, options)
        u = linear(x, p.weight_ih, p.bias_ih)  # (1)
        outputs, caches = [], []
        for u_t in np.split(u, len(sizes)):
            v = linear(state.h, p.weight_hh, p.bias_hh)  # (1)
            state_next, cache = self.step(u_t, v, *state)  # (2)
            caches += [(state.h, cache)] if keep else []
            state = type(state)(*state_next)
            outputs.append(state.h)
        return np.concatenate(outputs), state, (x, p, caches)

    def backward(self, d_y: ndarray, d_state: Any, tape: Any) -> Any:
        """(d_x, the gradient of the first state, the gradients of the weights)."""
        x, p, caches = tape
        d_u, hh = [], [np.zeros_like(p.weight_hh), np.zeros_like(p.bias_hh)]
        for d_y_t, (h, cache) in zip(np.split(d_y, len(caches))[::-1], caches[::-1], strict=True):
            d_u_t, d_v, d_h_2, *d_others = self.step_backward(d_state.h + d_y_t, *d_state[1:], cache)  # (2)
            d_h_1, *shares = linear_backward(d_v, h, p.weight_hh, p.bias_hh)  # (1)
            hh = [total + share for total, share in zip(hh, shares, strict=True)]
            d_state = type(d_state)(d_h_1 + d_h_2, *d_others)
            d_u.append(d_u_t)
        d_x, *ih = linear_backward(np.concatenate(d_u[::-1]), x, p.weight_ih, p.bias_ih)  # (1)
        return d_x, d_state, type(p)(ih[0], hh[0], ih[1], hh[1])


def _rnn(u: ndarray, v: ndarray, h: ndarray) -> Any:
    h_next = np.tanh(u + v)
    return (h_next,), h_next


def _rnn_backward(d_h_next: ndarray, h_next: ndarray) -> Any:
    """d_u, d_v, and the gradients of the state other than through v."""
    d_a = tanh_backward(d_h_next, h_next)
    return d_a, d_a, 0


def _lstm(u: ndarray, v: ndarray, h: ndarray, c: ndarray) -> Any:
    a_i, a_f, a_g, a_o = np.split(u + v, 4, axis=1)
    i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
    c_next = f * c + i * g
    tanh_c_next = np.tanh(c_next)
    return (o * tanh_c_next, c_next), (c, i, f, g, o, tanh_c_next)


def _lstm_backward(d_h_next: ndarray, d_c_next: ndarray, cache: Any) -> Any:
    c, i, f, g, o, tanh_c_next = cache
    d_a_o = sigmoid_backward(d_h_next * tanh_c_next, o)
    d_c_sum = d_c_next + tanh_backward(d_h_next * o, tanh_c_next)
    d_a_i, d_a_f = sigmoid_backward(d_c_sum * g, i), sigmoid_backward(d_c_sum * c, f)
    d_a = np.concatenate([d_a_i, d_a_f, tanh_backward(d_c_sum * i, g), d_a_o], axis=1)
    return d_a, d_a, 0, d_c_sum * f


def _gru(u: ndarray, v: ndarray, h: ndarray) -> Any:
    (u_r, u_z, u_n), (v_r, v_z, v_n) = np.split(u, 3, axis=1), np.split(v, 3, axis=1)
    r, z = sigmoid(u_r + v_r), sigmoid(u_z + v_z)
    n = np.tanh(u_n + r * v_n)
    return ((1 - z) * n + z * h,), (h, r, z, n, v_n)


def _gru_backward(d_h_next: ndarray, cache: Any) -> Any:
    h, r, z, n, v_n = cache
    d_a_n = tanh_backward(d_h_next * (1 - z), n)
    d_a_r, d_a_z = sigmoid_backward(d_a_n * v_n, r), sigmoid_backward(d_h_next * (h - n), z)
    d_u, d_v = (np.concatenate([d_a_r, d_a_z, last], axis=1) for last in (d_a_n, d_a_n * r))
    return d_u, d_v, d_h_next * z


CELLS: dict[str, Any] = {
    "rnn": (_rnn, _rnn_backward),
    "lstm": (_lstm, _lstm_backward),
    "gru": (_gru, _gru_backward),
}
