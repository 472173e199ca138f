"""Converts the callers' layouts to rows and back.

Inside, a batch is rows (layer.py), and a state is an (S, N, ·) array with its sequences sorted by length, the
longest first. A layout describes one caller's arrays and converts in both directions. A conversion only
moves elements, so its inverse is its adjoint: d_output is converted like x, and d_x like the output.

Axes (scratch_rnn/notation.py): T time, N batch, R rows, S states; F is any number of features.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy import ndarray

from scratch_rnn.checks import expect_shape, message
from scratch_rnn.numpy_bptt import packed_checks
from scratch_rnn.numpy_bptt.checks import FloatType, expect_array
from scratch_rnn.numpy_bptt.packed import PackedSequence


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

    def to_rows(self, x: Any) -> ndarray:
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
    """A PackedSequence: its data is rows already. The caller's states are in the caller's order."""

    batch_sizes: tuple[int, ...]
    order: tuple[int, ...]  # the caller's sequences, the longest first
    like: PackedSequence = field(compare=False, repr=False)
    batched = True

    @property
    def rows(self) -> int:
        """N, the number of sequences."""
        return self.batch_sizes[0]

    def to_rows(self, x: Any) -> ndarray:
        """The rows of the caller's PackedSequence."""
        return x.data

    def from_rows(self, rows: ndarray) -> PackedSequence:
        """Rows as a PackedSequence of the caller's lengths and order."""
        return _with_data(self.like, rows)

    def to_state(self, state: ndarray) -> ndarray:
        """From the caller's order to sorted by length."""
        order = self.like.sorted_indices
        return state if order is None else state[:, order]

    def from_state(self, state: ndarray) -> ndarray:
        """From sorted by length to the caller's order."""
        order = self.like.unsorted_indices
        return state if order is None else state[:, order]


Layout = Padded | Packed


def layout_of(who: str, what: str, x: object, width: int, batch_first: bool, kind: FloatType) -> Layout:
    """The layout of x, which must have `width` features. Raises ValueError or TypeError."""
    if isinstance(x, PackedSequence):
        data = expect_array(who, f"{what}.data", x.data, kind)
        expect_shape(who, f"{what}.data", data.shape, R=None, I=width)
        batch_sizes = tuple(int(n) for n in x.batch_sizes)
        packed_checks.batch_sizes(batch_sizes, data)
        order = range(batch_sizes[0]) if x.sorted_indices is None else x.sorted_indices.tolist()
        return Packed(batch_sizes, tuple(order), _with_data(x, data))
    data = expect_array(who, what, x, kind, "a numpy array or a numpy PackedSequence")
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


def _with_data(like: PackedSequence, data: ndarray) -> PackedSequence:
    """This data with copies of the other arrays: the caller may change those of x, and those of a result."""
    return PackedSequence._make([data, *(None if own is None else np.array(own) for own in like[1:])])
