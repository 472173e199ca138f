"""One direction of one layer: a cell unrolled over time. Autograd differentiates it.

Written once, for every cell: it uses only the cell's `step`, and the output of a step is the h of its next
state. Stacking, the second direction and dropout are in stack.py.

Rows. A batch is the rows of its real steps, time first: step t owns N_t consecutive rows. The sequences are
sorted by length, the longest first, so that N_0 ≥ N_1 ≥ … (R = Σ N_t). If all sequences are equally long,
this is a (T, N, I) tensor with its first two axes joined; otherwise it is the data of a PackedSequence.
Three sequences a, b, c of lengths 3, 2, 1:

    rows         a0 b0 c0 | a1 b1 | a2
    batch_sizes         3 |     2 |  1

    (1)  s'[:N_t] = step(x_t, s[:N_t])      a sequence that has a step at t takes it
    (2)  y_t = h'[:N_t]
    (3)  s'[N_t:] = s[N_t:]                 one that has none keeps its state

In the forward direction, (3) keeps the final state of a sequence that has ended. In the reverse direction t
goes from T-1 down to 0, and (3) keeps the first state of a sequence that has not started: each sequence
starts at its own last step, and no tensor is flipped.

Axes (scratch_rnn/notation.py): R rows, N batch, I input, P width of h.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from scratch_rnn.torch_autograd.protocols import Params, State


def forward(
    step: Callable[..., State],
    x: Float[Tensor, "R I"],
    batch_sizes: Sequence[int],
    state: State,
    params: Params,
    reverse: bool,
) -> tuple[Float[Tensor, "R P"], State]:
    """Run one direction over time: (y, the state after each sequence's last step)."""
    x_at = _split_steps(x, batch_sizes)
    y_at = list(x_at)
    for t in times(batch_sizes, reverse):
        moving, waiting = _split_state(state, batch_sizes[t])
        moved = step(x_at[t], moving, params)  # (1)
        y_at[t] = moved.h  # (2)
        state = _join_state(moved, waiting)  # (3)
    return torch.cat(y_at), state


def times(batch_sizes: Sequence[int], reverse: bool) -> Sequence[int]:
    """The steps t in the order in which they are computed."""
    steps = range(len(batch_sizes))
    return steps[::-1] if reverse else steps


def _split_steps(rows: Float[Tensor, "R I"], batch_sizes: Sequence[int]) -> Sequence[Tensor]:
    return torch.split(rows, list(batch_sizes))


def _split_state(state: State, n: int) -> tuple[State, State]:
    """The first n rows of every tensor of a state, and the others."""
    first, others = zip(*(torch.split(a, [n, a.shape[0] - n]) for a in state), strict=True)
    return type(state)(*first), type(state)(*others)


def _join_state(first: State, others: State) -> State:
    """The inverse of `_split_state`."""
    if others.h.shape[0] == 0:
        return first
    return type(first)(*(torch.cat(pair) for pair in zip(first, others, strict=True)))
