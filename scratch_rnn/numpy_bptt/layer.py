"""One direction of one layer: a cell unrolled over time, and back-propagation through time (BPTT).

Written once, for every cell: it needs only the cell's `step` and `step_backward`, and that the output of a
step is the h of its next state. Stacking, the second direction and dropout are in stack.py.

Rows. A batch is the rows of its real steps, time first: step t owns N_t consecutive rows. The sequences are
sorted by length, the longest first, so that N_0 ≥ N_1 ≥ … (R = Σ N_t). If all sequences are equally long,
this is a (T, N, I) array with its first two axes joined; otherwise it is the data of a PackedSequence.
Three sequences a, b, c of lengths 3, 2, 1:

    rows         a0 b0 c0 | a1 b1 | a2
    batch_sizes         3 |     2 |  1

    (1)  s'[:N_t] = step(x_t, s[:N_t])      a sequence that has a step at t takes it
    (2)  y_t = h'[:N_t]
    (3)  s'[N_t:] = s[N_t:]                 one that has none keeps its state

In the forward direction, (3) keeps the final state of a sequence that has ended. In the reverse direction t
goes from T-1 down to 0, and (3) keeps the first state of a sequence that has not started: each sequence
starts at its own last step, and no array is flipped.

Derivation: docs/derivations.md, sections 5.1 and 6.1.

Axes (scratch_rnn/notation.py): R rows, N batch, I input, P width of h.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from scratch_rnn.numpy_bptt.protocols import CacheT, ParamsT, StateT, Step, StepBackward


@dataclass(frozen=True)
class Tape(Generic[ParamsT, CacheT]):
    """All that `backward` needs: the caches in the order of computation, and arguments of `forward`."""

    caches: Sequence[CacheT]
    batch_sizes: Sequence[int]
    params: ParamsT
    reverse: bool


def forward(
    step: Step[StateT, ParamsT, CacheT],
    x: Float[ndarray, "R I"],
    batch_sizes: Sequence[int],
    state: StateT,
    params: ParamsT,
    reverse: bool,
    keep: bool,
) -> tuple[Float[ndarray, "R P"], StateT, Tape[ParamsT, CacheT]]:
    """Run one direction over time: (y, the state after each sequence's last step, tape).

    With keep=False, for inference, nothing is cached and `backward` cannot use the tape.
    """
    x_at = _split_steps(x, batch_sizes)
    y_at, caches = list(x_at), list[CacheT]()
    for t in times(batch_sizes, reverse):
        moving, waiting = _split_state(state, batch_sizes[t])
        moved, cache = step(x_at[t], moving, params)  # (1)
        if keep:
            caches.append(cache)
        y_at[t] = moved.h  # (2)
        state = _join_state(moved, waiting)  # (3)
    return np.concatenate(y_at), state, Tape(caches, batch_sizes, params, reverse)


def backward(
    step_backward: StepBackward[StateT, CacheT, ParamsT],
    d_y: Float[ndarray, "R P"],
    d_state_n: StateT,
    tape: Tape[ParamsT, CacheT],
) -> tuple[Float[ndarray, "R I"], StateT, ParamsT]:
    """The same loop in the opposite order of time: (d_x, the gradient of the first state, d_params)."""
    d_y_at = _split_steps(d_y, tape.batch_sizes)
    d_x_at, d_state = list(d_y_at), d_state_n
    d_params: ParamsT | None = None
    for t, cache in zip(times(tape.batch_sizes, not tape.reverse), reversed(tape.caches), strict=True):
        d_moved, d_waiting = _split_state(d_state, tape.batch_sizes[t])  # (3)
        # (2)  h' is used twice, as y_t and by the next step: its gradient is the sum of both shares.
        d_moved = d_moved._replace(h=d_moved.h + d_y_at[t])
        # (1)  Every step uses the same parameters: their gradient is the sum over all steps.
        d_x_at[t], d_moving, d_p = step_backward(d_moved, cache, tape.params)
        d_params = d_p if d_params is None else _add(d_params, d_p)
        d_state = _join_state(d_moving, d_waiting)
    assert d_params is not None, "a batch has at least one step"
    return np.concatenate(d_x_at), d_state, d_params


def times(batch_sizes: Sequence[int], reverse: bool) -> Sequence[int]:
    """The steps t in the order in which they are computed."""
    steps = range(len(batch_sizes))
    return steps[::-1] if reverse else steps


def _split_steps(rows: Float[ndarray, "R I"], batch_sizes: Sequence[int]) -> list[ndarray]:
    return np.split(rows, np.cumsum(batch_sizes)[:-1])


def _split_state(state: StateT, n: int) -> tuple[StateT, StateT]:
    """The first n rows of every array of a state, and the others."""
    first, others = zip(*(np.split(a, [n]) for a in state), strict=True)
    return type(state)(*first), type(state)(*others)


def _join_state(first: StateT, others: StateT) -> StateT:
    """The inverse of `_split_state`. Both only move rows, so each is also the adjoint of the other."""
    if len(others.h) == 0:
        return first
    return type(first)(*(np.concatenate(pair) for pair in zip(first, others, strict=True)))


def _add(a: ParamsT, b: ParamsT) -> ParamsT:
    """The sum of two gradients, name by name; None (no bias, no projection) stays None."""
    return type(a)(*(None if x is None else x + y for x, y in zip(a, b, strict=True)))
