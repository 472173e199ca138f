"""One direction of one layer: a cell unrolled over time, and back-propagation through time (BPTT).

Written once, for every cell: all it knows of a cell is `step`, `step_backward`, and that the output of
a step is the h of its next state. Stacking, the second direction and dropout are stack.py.

Rows. A batch is laid out as its real steps, time first: step t owns N_t consecutive rows, and the
sequences stand in order of falling length, so that N_0 ≥ N_1 ≥ … (R = Σ N_t). Where all sequences are
equally long this is a (T, N, I) array with its first two axes joined; else it is the data of a
PackedSequence. Three sequences a, b, c of lengths 3, 2, 1:

    rows         a0 b0 c0 | a1 b1 | a2
    batch_sizes         3 |     2 |  1

    (1)  s'[:N_t] = step(x_t, s[:N_t])      a sequence that has a step at t takes it
    (2)  y_t = h'[:N_t]
    (3)  s'[N_t:] = s[N_t:]                 one that has none keeps its state

Forward in time, (3) holds the final state of a sequence that has ended. Reversed, t falls from T-1 to 0,
and (3) holds the first state of one that has not begun: each starts at its own last step, and nothing
is ever flipped.

Axes (scratch_rnn/notation.py): R rows, N batch, I input, P width of h.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray

State = Any
"""The State of one cell file: a NamedTuple of (N, ·) arrays, h first."""
Params = Any
"""The Params of the same cell file."""


class Tape(NamedTuple):
    """All that `backward` needs."""

    caches: Sequence[Any]
    batch_sizes: Sequence[int]
    params: Params
    reverse: bool


def forward(
    step: Callable[..., Any],
    x: Float[ndarray, "R I"],
    batch_sizes: Sequence[int],
    state: State,
    params: Params,
    reverse: bool,
    keep: bool,
) -> tuple[Float[ndarray, "R P"], State, Tape]:
    """Run one direction over time: (y, the state after each sequence's last step, tape).

    The tape is empty unless `keep`: inference writes nothing down.
    """
    x_at = _split_steps(x, batch_sizes)
    y_at, caches = list(x_at), [None] * len(x_at)
    for t in _times(batch_sizes, reverse):
        moving, waiting = _split_state(state, batch_sizes[t])
        moved, cache = step(x_at[t], moving, params)  # (1)
        caches[t] = cache if keep else None
        y_at[t] = moved.h  # (2)
        state = _join_state(moved, waiting)  # (3)
    return np.concatenate(y_at), state, Tape(caches, batch_sizes, params, reverse)


def backward(
    step_backward: Callable[..., Any], d_y: Float[ndarray, "R P"], d_state_n: State, tape: Tape
) -> tuple[Float[ndarray, "R I"], State, Params]:
    """The same loop the other way round: (d_x, the gradient of the first state, d_params)."""
    d_y_at = _split_steps(d_y, tape.batch_sizes)
    d_x_at, d_state, d_params = list(d_y_at), d_state_n, None
    for t in _times(tape.batch_sizes, not tape.reverse):
        d_moved, d_waiting = _split_state(d_state, tape.batch_sizes[t])  # (3)
        # (2)  h' is read twice, by y_t and by the next step: the two shares add up.
        d_moved = d_moved._replace(h=d_moved.h + d_y_at[t])
        # (1)  Every step reads the same parameters: their shares add up too.
        d_x_at[t], d_moving, d_p = step_backward(d_moved, tape.caches[t], tape.params)
        d_params = d_p if d_params is None else _add(d_params, d_p)
        d_state = _join_state(d_moving, d_waiting)
    return np.concatenate(d_x_at), d_state, d_params


def _times(batch_sizes: Sequence[int], reverse: bool) -> Sequence[int]:
    times = range(len(batch_sizes))
    return times[::-1] if reverse else times


def _split_steps(rows: Float[ndarray, "R I"], batch_sizes: Sequence[int]) -> list[ndarray]:
    return np.split(rows, np.cumsum(batch_sizes)[:-1])


def _split_state(state: State, n: int) -> tuple[State, State]:
    """The first n rows of every array of a state, and the others."""
    first, others = zip(*(np.split(a, [n]) for a in state), strict=True)
    return type(state)(*first), type(state)(*others)


def _join_state(first: State, others: State) -> State:
    """`_split_state`, undone. Rows are only moved, so the way back uses the same two functions."""
    if len(others[0]) == 0:
        return first
    return type(first)(*(np.concatenate(pair) for pair in zip(first, others, strict=True)))


def _add(a: Params, b: Params) -> Params:
    """Sum of two gradients, name by name; None (no bias, no projection) stays None."""
    return type(a)(*(None if x is None else x + y for x, y in zip(a, b, strict=True)))
