"""The elementwise half of each cell, derived by hand: for rungs 5 to 7, whatever the layout.

An array of gates is (K, ·, ·), one gate after the other: with rows first a view in pieces, (N, K, H) turned;
with features first K contiguous blocks. All work in place, on arrays that the caller owns.

    advance(u, v, kept, state, h_next)            fills `kept` and h_next, gives back the next state
    retreat(d, kept, state, h_next, d_u, d_v)     fills d_u and d_v from d, the gradient of the next state;
                                                  gives back what of d_state doesn't go through v

u and v are the shares of x and h in the gates; halves of σ are in the weights, as on rung 4. d_u and d_v are
gradients with respect to the unfolded ones, and one array where they are equal. The equations and their
adjoints are those of scratch_rnn/numpy_bptt.
"""

from typing import Any

import numpy as np
from numpy import ndarray

State = tuple[ndarray, ...]


class Rnn:
    """h' = tanh(u + v)."""

    halves = (1.0,)
    kept = 0
    one_bias = True

    @staticmethod
    def advance(u: ndarray, v: ndarray, kept: ndarray, state: State, h_next: ndarray) -> State:
        """Nothing is kept but h'."""
        np.add(u[0], v[0], out=h_next)
        np.tanh(h_next, out=h_next)
        return (h_next,)

    @staticmethod
    def retreat(d: State, kept: ndarray, state: State, h_next: ndarray, d_u: ndarray, d_v: ndarray) -> Any:
        """d_a = d_h' ⊙ (1 - h'²)."""
        slope = h_next * h_next
        np.subtract(1, slope, out=slope)
        np.multiply(d[0], slope, out=d_u[0])
        return (0,)


class Lstm:
    """c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh(c'); kept: i, f, g, o, c', tanh(c')."""

    halves = (0.5, 0.5, 1.0, 0.5)
    kept = 6
    one_bias = True

    @staticmethod
    def advance(u: ndarray, v: ndarray, kept: ndarray, state: State, h_next: ndarray) -> State:
        """The gates are made where they are kept."""
        a, c_next, tanh_c_next = kept[:4], kept[4], kept[5]
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

    @staticmethod
    def retreat(d: State, kept: ndarray, state: State, h_next: ndarray, d_u: ndarray, d_v: ndarray) -> Any:
        """d_c' has two shares; σ' = σ (1 - σ), tanh' = 1 - tanh²."""
        (d_h_next, d_c_next), (i, f, g, o, _, tanh_c_next) = d, kept
        d_i, d_f, d_g, d_o = d_u
        np.multiply(d_h_next, tanh_c_next, out=d_o)
        slope = 1 - tanh_c_next * tanh_c_next
        slope *= o
        slope *= d_h_next
        d_c_next = slope + d_c_next
        np.multiply(d_c_next, g, out=d_i)
        np.multiply(d_c_next, state[1], out=d_f)
        np.multiply(d_c_next, i, out=d_g)
        for d_gate, gate in ((d_u[:2], kept[:2]), (d_o, o)):
            d_gate *= gate
            d_gate *= 1 - gate
        d_g *= 1 - g * g
        return 0, d_c_next * f


class Gru:
    """n = tanh(u_n + r ⊙ v_n), h' = (1 - z) ⊙ n + z ⊙ h; kept: r, z, n, v_n."""

    halves = (0.5, 0.5, 1.0)
    kept = 4
    one_bias = False

    @staticmethod
    def advance(u: ndarray, v: ndarray, kept: ndarray, state: State, h_next: ndarray) -> State:
        """Written h' = n + z ⊙ (h - n)."""
        r_z, (r, z, n, v_n) = kept[:2], kept
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

    @staticmethod
    def retreat(d: State, kept: ndarray, state: State, h_next: ndarray, d_u: ndarray, d_v: ndarray) -> Any:
        """d_u and d_v differ in n: there, r scales v."""
        (d_h_next,), (h,), (r, z, n, v_n) = d, state, kept
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


CELLS: dict[str, Any] = {"rnn": Rnn, "lstm": Lstm, "gru": Gru}
