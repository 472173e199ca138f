"""One step of each cell on the tape, three ways: rung 1, rungs 2 and 3, rung 4.

A step takes (tape, input, state, weights) and gives back the next state, h first. The input is x on rung 1,
and then u = x W_ihᵀ + b_ih.
"""

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.ladder.tape import Tape, Var

State = tuple[Var, ...]
Step = Callable[[Tape, Var, State, Any], State]
ALL = slice(None)


def _u_and_v(t: Tape, x: Var, h: Var, w: Any) -> tuple[Var, Var]:
    return t.linear(x, w.weight_ih, w.bias_ih), t.linear(h, w.weight_hh, w.bias_hh)


def rnn_separate(t: Tape, x: Var, state: State, gates: Sequence[Any]) -> State:
    """There is one gate: nothing to separate."""
    return (t.tanh(t.add(*_u_and_v(t, x, state[0], gates[0]))),)


def lstm_separate(t: Tape, x: Var, state: State, gates: Sequence[Any]) -> State:
    """Eight products."""
    h, c = state
    a_i, a_f, a_g, a_o = (t.add(*_u_and_v(t, x, h, w)) for w in gates)
    return _lstm(t, t.sigmoid(a_i), t.sigmoid(a_f), t.tanh(a_g), t.sigmoid(a_o), c)


def gru_separate(t: Tape, x: Var, state: State, gates: Sequence[Any]) -> State:
    """Six products."""
    (h,) = state
    (u_r, v_r), (u_z, v_z), (u_n, v_n) = (_u_and_v(t, x, h, w) for w in gates)
    r, z = t.sigmoid(t.add(u_r, v_r)), t.sigmoid(t.add(u_z, v_z))
    return _gru(t, z, t.tanh(t.add(u_n, t.multiply(r, v_n))), h)


def rnn_joint(t: Tape, u: Var, state: State, w: Any) -> State:
    """One product, one tanh."""
    return (t.tanh(t.add(u, t.linear(state[0], w.weight_hh, w.bias_hh))),)


def lstm_joint(t: Tape, u: Var, state: State, w: Any) -> State:
    """One product, cut in four."""
    h, c = state
    a_i, a_f, a_g, a_o = t.split(t.add(u, t.linear(h, w.weight_hh, w.bias_hh)), 4, 1)
    return _lstm(t, t.sigmoid(a_i), t.sigmoid(a_f), t.tanh(a_g), t.sigmoid(a_o), c)


def gru_joint(t: Tape, u: Var, state: State, w: Any) -> State:
    """One product, cut in three."""
    (h,) = state
    v = t.linear(h, w.weight_hh, w.bias_hh)
    (u_r, u_z, u_n), (v_r, v_z, v_n) = t.split(u, 3, 1), t.split(v, 3, 1)
    r, z = t.sigmoid(t.add(u_r, v_r)), t.sigmoid(t.add(u_z, v_z))
    return _gru(t, z, t.tanh(t.add(u_n, t.multiply(r, v_n))), h)


def rnn_in_place(t: Tape, u: Var, state: State, w: Any) -> State:
    """The product, the sum and the tanh share one array."""
    return (t.activate_(t.add_(t.linear(state[0], w.weight_hh, w.bias_hh), u), []),)


def lstm_in_place(t: Tape, u: Var, state: State, w: Any) -> State:
    """The same, for four gates at once."""
    h, c = state
    hidden = h.value.shape[1]
    a = t.add_(t.linear(h, w.weight_hh, w.bias_hh), u)
    i, f, g, o = t.split(t.activate_(a, [slice(2 * hidden), slice(3 * hidden, None)]), 4, 1)
    return _lstm(t, i, f, g, o, c)


def gru_in_place(t: Tape, u: Var, state: State, w: Any) -> State:
    """The same, gate by gate, as n has to wait for r."""
    (h,) = state
    (u_r, u_z, u_n), (v_r, v_z, v_n) = (
        t.split(part, 3, 1) for part in (u, t.linear(h, w.weight_hh, w.bias_hh))
    )
    r, z = t.activate_(t.add_(v_r, u_r), [ALL]), t.activate_(t.add_(v_z, u_z), [ALL])
    return _gru(t, z, t.activate_(t.add_(t.multiply(r, v_n), u_n), []), h)


def _lstm(t: Tape, i: Var, f: Var, g: Var, o: Var, c: Var) -> State:
    """The rest: c' = f ⊙ c + i ⊙ g, h' = o ⊙ tanh(c')."""
    c_next = t.add(t.multiply(f, c), t.multiply(i, g))
    return t.multiply(o, t.tanh(c_next)), c_next


def _gru(t: Tape, z: Var, n: Var, h: Var) -> State:
    """The rest: h' = (1 - z) ⊙ n + z ⊙ h."""
    return (t.add(t.multiply(t.one_minus(z), n), t.multiply(z, h)),)


SEPARATE: dict[str, Any] = {"rnn": rnn_separate, "lstm": lstm_separate, "gru": gru_separate}
JOINT: dict[str, Step] = {"rnn": rnn_joint, "lstm": lstm_joint, "gru": gru_joint}
IN_PLACE: dict[str, Step] = {"rnn": rnn_in_place, "lstm": lstm_in_place, "gru": gru_in_place}
HALVES = {"rnn": [1], "lstm": [0.5, 0.5, 1, 0.5], "gru": [0.5, 0.5, 1]}
"""What the weights of each gate are multiplied by from rung 4 on."""
