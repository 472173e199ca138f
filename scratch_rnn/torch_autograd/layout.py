"""How callers lay out their sequences, and how they get them back.

Inside, a batch is rows (layer.py), and a state is an (S, N, ·) tensor whose sequences stand in order of
falling length. An edge knows one caller's layout, and the way there and back.

Axes (scratch_rnn/notation.py): T time, N batch, R rows, S states; F stands for any features.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from scratch_rnn.torch_autograd.packed import PackedSequence, is_packed


@dataclass(frozen=True)
class Padded:
    """A full tensor: (T, N, F), or (N, T, F) with batch_first, or (T, F) unbatched."""

    steps: int
    rows: int
    batched: bool
    batch_first: bool

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """N_t, the same at each step."""
        return (self.rows,) * self.steps

    def to_rows(self, x: Tensor) -> Tensor:
        """The caller's tensor as rows (R, F)."""
        if not self.batched:
            x = x.unsqueeze(1)
        elif self.batch_first:
            x = x.transpose(0, 1)
        return x.reshape(self.steps * self.rows, x.shape[-1])

    def from_rows(self, rows: Tensor) -> Tensor:
        """Rows (R, F) as the caller's tensor."""
        y = rows.reshape(self.steps, self.rows, rows.shape[-1])
        if not self.batched:
            return y.squeeze(1)
        return y.transpose(0, 1) if self.batch_first else y

    def to_state(self, state: Tensor) -> Tensor:
        """The caller's state as (S, N, F)."""
        return state if self.batched else state.unsqueeze(1)

    def from_state(self, state: Tensor) -> Tensor:
        """(S, N, F) as the caller's state."""
        return state if self.batched else state.squeeze(1)


@dataclass(frozen=True)
class Packed:
    """A PackedSequence: already rows. The caller's states stand in the caller's own order."""

    batch_sizes: tuple[int, ...]
    like: PackedSequence
    batched = True

    @property
    def rows(self) -> int:
        """N, the number of sequences."""
        return self.batch_sizes[0]

    def to_rows(self, x: PackedSequence) -> Tensor:
        """The rows of the caller's PackedSequence."""
        return x.data

    def from_rows(self, rows: Tensor) -> PackedSequence:
        """Rows as a PackedSequence of the caller's own class, lengths and order."""
        _, *order = self.like
        return type(self.like)(rows, *order)

    def to_state(self, state: Tensor) -> Tensor:
        """From the caller's order to falling length."""
        order = self.like.sorted_indices
        return state if order is None else state.index_select(1, order)

    def from_state(self, state: Tensor) -> Tensor:
        """From falling length to the caller's order."""
        order = self.like.unsorted_indices
        return state if order is None else state.index_select(1, order)


Layout = Padded | Packed


def layout_of(x: Any, batch_first: bool) -> Layout:
    """The layout of x, which checks.py has seen."""
    if is_packed(x):
        return Packed(tuple(x.batch_sizes.tolist()), x)
    if x.dim() == 2:
        return Padded(len(x), 1, False, batch_first)
    steps, rows = x.transpose(0, 1).shape[:2] if batch_first else x.shape[:2]
    return Padded(steps, rows, True, batch_first)
