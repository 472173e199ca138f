"""The elementwise half of each cell, with its adjoint, for both memory layouts: by_row.py and by_feature.py.

An array of gates is (K, ·, ·), one gate after the other: rows first it is a view of (N, K, H), features first
it is K contiguous blocks. All functions work in place, on arrays that the caller owns.

    step(u, v, saved, state, h_next)                     fills `saved` and h_next, returns the next state
    step_backward(d, saved, state, h_next, d_u, d_v)     fills d_u and d_v from d, the gradient of the next
                                                         state; returns the gradient of the state other than
                                                         through v

u and v are the contributions of x and h to the gates. The factor ½ of σ(a) = (1 + tanh(a/2)) / 2 is folded
into the weights; d_u and d_v are gradients of the unfolded u and v, and one array where both are equal. The
equations and their adjoints are those of scratch_rnn/numpy_bptt.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import message

State = tuple[ndarray, ...]


def expect_plain(reverse: bool, options: Mapping[str, str]) -> None:
    """ValueError unless a rung is to compute what it can: forwards in time, with tanh."""
    if reverse or options.get("nonlinearity", "tanh") != "tanh":
        raise ValueError(message("ladder", "a rung to run forwards, with tanh", f"{reverse=}, {options}"))


class Cell(NamedTuple):
    """The functions; a factor for the weights of each gate; the number of arrays saved per step; whether b_ih
    and b_hh are only ever added to each other.
    """

    step: Callable[..., State]
    step_backward: Callable[..., Any]
    halves: Sequence[float]
    saved: int
    one_bias: bool


def _rnn(u: ndarray, v: ndarray, saved: ndarray, state: State, h_next: ndarray) -> State:
    np.add(u[0], v[0], out=h_next)
    np.tanh(h_next, out=h_next)
    return (h_next,)


def _rnn_backward(d: State, saved: Any, state: State, h_next: ndarray, d_u: ndarray, d_v: ndarray) -> Any:
    slope = h_next * h_next
    np.subtract(1, slope, out=slope)
    np.multiply(d[0], slope, out=d_u[0])
    return (0,)


def _lstm(u: ndarray, v: ndarray, saved: ndarray, state: State, h_next: ndarray) -> State:
    """`saved` is i, f, g, o, c', tanh(c')."""
    a, c_next, tanh_c_next = saved[:4], saved[4], saved[5]
    np.add(u, v, out=a)
    np.tanh(a, out=a)
    for part in (a[:2], a[3]):
        part *= 0.5
        part += 0.5
    i, f, g, o = a
    np.multiply(f, state[1], out=c_next)
    np.multiply(i, g, out=tanh_c_next)
    c_next += tanh_c_next
    np.tanh(c_next, out=tanh_c_next)
    np.multiply(o, tanh_c_next, out=h_next)
    return h_next, c_next


def _lstm_backward(d: State, saved: Any, state: State, h_next: ndarray, d_u: ndarray, d_v: ndarray) -> Any:
    (d_h_next, d_c_next), (i, f, g, o, _, tanh_c_next) = d, saved
    d_i, d_f, d_g, d_o = d_u
    np.multiply(d_h_next, tanh_c_next, out=d_o)
    d_c_sum = 1 - tanh_c_next * tanh_c_next
    d_c_sum *= o
    d_c_sum *= d_h_next
    d_c_sum += d_c_next
    np.multiply(d_c_sum, g, out=d_i)
    np.multiply(d_c_sum, state[1], out=d_f)
    np.multiply(d_c_sum, i, out=d_g)
    for d_gate, gate in ((d_u[:2], saved[:2]), (d_o, o)):
        d_gate *= gate
        d_gate *= 1 - gate
    d_g *= 1 - g * g
    return 0, d_c_sum * f


def _gru(u: ndarray, v: ndarray, saved: ndarray, state: State, h_next: ndarray) -> State:
    """`saved` is r, z, n, v_n; h' = n + z ⊙ (h - n)."""
    r_z, (r, z, n, v_n) = saved[:2], saved
    np.add(u[:2], v[:2], out=r_z)
    np.tanh(r_z, out=r_z)
    r_z *= 0.5
    r_z += 0.5
    v_n[...] = v[2]
    np.multiply(r, v_n, out=n)
    n += u[2]
    np.tanh(n, out=n)
    np.subtract(state[0], n, out=h_next)
    h_next *= z
    h_next += n
    return (h_next,)


def _gru_backward(d: State, saved: Any, state: State, h_next: ndarray, d_u: ndarray, d_v: ndarray) -> Any:
    (d_h_next,), (h,), (r, z, n, v_n) = d, state, saved
    d_a_r, d_a_z, d_a_n = d_u
    np.multiply(d_h_next, 1 - z, out=d_a_n)
    d_a_n *= 1 - n * n
    np.multiply(d_a_n, v_n, out=d_a_r)
    np.subtract(h, n, out=d_a_z)
    d_a_z *= d_h_next
    for d_gate, gate in ((d_a_r, r), (d_a_z, z)):
        d_gate *= gate
        d_gate *= 1 - gate
    d_v[:2] = d_u[:2]
    np.multiply(d_a_n, r, out=d_v[2])
    return (d_h_next * z,)


CELLS = {
    "rnn": Cell(_rnn, _rnn_backward, (1,), 0, True),
    "lstm": Cell(_lstm, _lstm_backward, (0.5, 0.5, 1, 0.5), 6, True),
    "gru": Cell(_gru, _gru_backward, (0.5, 0.5, 1), 4, False),
}
