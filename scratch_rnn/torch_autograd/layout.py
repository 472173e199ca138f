"""The layouts of callers: a full tensor, time first or batch first or unbatched, or a PackedSequence.

The layers compute on rows (layer.py), and on states (S, N, ·) whose sequences are sorted by length, the
longest first. A Layout knows the layout of one input. It converts that input to rows and the output back,
and it converts states in the same way.

Axes (scratch_rnn/notation.py): T time, N batch, R rows, P width of h, H hidden, S states; F is any features.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from scratch_rnn.parameters import Sizes
from scratch_rnn.torch_autograd.packed import PackedSequence, is_packed

Shape = tuple[int, ...]


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
    """A PackedSequence, whose data are rows already. The caller's states are in the caller's order."""

    batch_sizes: tuple[int, ...]
    like: PackedSequence

    @property
    def rows(self) -> int:
        """N, the number of sequences."""
        return self.batch_sizes[0]

    def to_rows(self, x: PackedSequence) -> Tensor:
        """The rows of the caller's PackedSequence."""
        return x.data

    def from_rows(self, rows: Tensor) -> PackedSequence:
        """Rows as a PackedSequence with the caller's class, lengths and order."""
        _, *order = self.like
        return type(self.like)(rows, *order)

    def to_state(self, state: Tensor) -> Tensor:
        """From the caller's order to the sorted one."""
        return permuted(state, self.like.sorted_indices)

    def from_state(self, state: Tensor) -> Tensor:
        """From the sorted order to the caller's."""
        return permuted(state, self.like.unsorted_indices)


Layout = Padded | Packed


def layout_of(x: Any, batch_first: bool) -> Layout:
    """The layout of x: a PackedSequence, or a tensor of 2 or 3 axes."""
    if is_packed(x):
        return Packed(tuple(x.batch_sizes.tolist()), x)
    if x.dim() == 2:
        return Padded(x.shape[0], 1, False, batch_first)
    steps, rows = x.transpose(0, 1).shape[:2] if batch_first else x.shape[:2]
    return Padded(steps, rows, True, batch_first)


def permuted(state: Tensor, order: Tensor | None) -> Tensor:
    """A state (S, N, F) with its sequences in another order; None keeps the order."""
    return state if order is None else state.index_select(1, order)


def state_shapes(sizes: Sizes, rows: int) -> list[Shape]:
    """(S, N, P) of h, and for an LSTM (S, N, H) of c; N = rows."""
    widths = [sizes.output_size, sizes.hidden_size] if sizes.kind == "lstm" else [sizes.output_size]
    return [(sizes.num_layers * sizes.directions, rows, width) for width in widths]
