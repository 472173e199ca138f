"""How callers lay out their sequences, and how they get them back.

Inside, a batch is rows (layer.py), and a state is an (S, N, ·) array whose sequences stand in order of
falling length. An edge knows one caller's layout, and the way there and back. Both ways only move
elements, so each is the other's adjoint: d_output goes in by the door of x, and d_x leaves by the door
of the output.

Axes (scratch_rnn/notation.py): T time, N batch, R rows, S states; F stands for any features.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy import dtype, ndarray

from scratch_rnn.checks import expect_shape, message
from scratch_rnn.numpy_bptt.packed import PackedSequence, check_batch_sizes


@dataclass(frozen=True)
class Padded:
    """A full array: (T, N, F), or (N, T, F) with batch_first, or (T, F) unbatched."""

    steps: int
    rows: int
    batched: bool
    batch_first: bool

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """N_t, the same at each step."""
        return (self.rows,) * self.steps

    def to_rows(self, x: ndarray) -> ndarray:
        """The caller's array as rows (R, F)."""
        if not self.batched:
            x = x[:, None]
        elif self.batch_first:
            x = x.swapaxes(0, 1)
        return x.reshape(self.steps * self.rows, x.shape[-1])

    def from_rows(self, rows: ndarray) -> ndarray:
        """Rows (R, F) as the caller's array."""
        y = rows.reshape(self.steps, self.rows, rows.shape[-1])
        if not self.batched:
            return y[:, 0]
        return y.swapaxes(0, 1) if self.batch_first else y

    def to_state(self, state: ndarray) -> ndarray:
        """The caller's state as (S, N, F)."""
        return state if self.batched else state[:, None]

    def from_state(self, state: ndarray) -> ndarray:
        """(S, N, F) as the caller's state."""
        return state if self.batched else state[:, 0]


@dataclass(frozen=True)
class Packed:
    """A PackedSequence: already rows. The caller's states stand in the caller's own order."""

    batch_sizes: tuple[int, ...]
    order: tuple[int, ...]  # the caller's sequences by falling length
    like: PackedSequence = field(compare=False, repr=False)
    batched = True

    @property
    def rows(self) -> int:
        """N, the number of sequences."""
        return self.batch_sizes[0]

    def to_rows(self, x: PackedSequence) -> ndarray:
        """The rows of the caller's PackedSequence."""
        return x.data

    def from_rows(self, rows: ndarray) -> PackedSequence:
        """Rows as a PackedSequence of the caller's lengths and order."""
        return self.like._replace(data=rows)

    def to_state(self, state: ndarray) -> ndarray:
        """From the caller's order to falling length."""
        order = self.like.sorted_indices
        return state if order is None else state[:, order]

    def from_state(self, state: ndarray) -> ndarray:
        """From falling length to the caller's order."""
        order = self.like.unsorted_indices
        return state if order is None else state[:, order]


Layout = Padded | Packed


def layout_of(who: str, what: str, x: Any, width: int, batch_first: bool, kind: dtype[Any]) -> Layout:
    """The layout of x, whose features must number `width`. Raises ValueError or TypeError."""
    data = x.data if isinstance(x, PackedSequence) else x
    if not isinstance(data, ndarray):
        expected = f"{what} to be a numpy array or a numpy PackedSequence"
        raise TypeError(message(who, expected, type(x).__name__))
    if data.dtype != kind:
        raise TypeError(message(who, f"{what} of dtype {kind}", data.dtype))
    if isinstance(x, PackedSequence):
        expect_shape(who, f"{what}.data", data.shape, R=None, I=width)
        batch_sizes = tuple(int(n) for n in x.batch_sizes)
        check_batch_sizes(batch_sizes, len(data))
        order = range(batch_sizes[0]) if x.sorted_indices is None else x.sorted_indices.tolist()
        own = [None if i is None else np.array(i) for i in x[2:]]  # the tape outlives the caller's arrays
        return Packed(batch_sizes, tuple(order), x._replace(sorted_indices=own[0], unsorted_indices=own[1]))
    if data.ndim == 2:
        expect_shape(who, what, data.shape, T=None, I=width)
    elif batch_first:
        expect_shape(who, what, data.shape, N=None, T=None, I=width)
    else:
        expect_shape(who, what, data.shape, T=None, N=None, I=width)
    steps, rows = (data.shape[0], 1) if data.ndim == 2 else data.shape[:2]
    if batch_first and data.ndim == 3:
        steps, rows = rows, steps
    if steps == 0:
        raise ValueError(message(who, f"{what} of at least one time step", f"shape {data.shape}"))
    return Padded(steps, rows, data.ndim == 3, batch_first)
