"""What the fused engines have in common: a ragged batch, walked in full rectangles.

No cell stands here, and no arithmetic but scaling weights and adding up. Rows are laid out as in
numpy_bptt/layer.py: time first, step t owns N_t of them, and N_0 ≥ N_1 ≥ …

    batch_sizes   3 3 3 2 1 1        spans   3 3 3 | 2 | 1 1

A span is a run of steps of one size: nothing in it is ragged, its rows are a (T, N, ·) array. It
ends where the size changes, or where what its steps need would outgrow the cache. Between spans the
state is carried whole, and a span moves its first N sequences: that is all that packing asks.

An array is feature-major where gates must be contiguous: (T, ·, N), one (·, N) block a step.
Columns, (·, R), are feature-major over many rows at once, as the large GEMMs want them.

Axes (scratch_rnn/notation.py): R rows, P width of h, G gate rows. In a span T and N are its own
steps and rows, and M = T·N; F stands for any features, K for blocks of them.
H hidden.
"""

import math
import threading
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.lib.stride_tricks import as_strided

ROOM = 2**17
"""The most numbers that the steps of one span work on: in float32, half of a 1 MiB cache."""
ROWS = 512
"""The most rows of a chunk, unless one span has more: enough for a GEMM, and not more memory than that."""
LARGE = 2**22
"""Bytes from which NumPy asks Linux for huge pages, so that fresh memory is cheap."""

_own = threading.local()


class Span(NamedTuple):
    """Steps of n rows each. Views come in the order of the walk: if `reverse`, last step first."""

    rows: slice
    steps: int
    n: int
    reverse: bool

    @property
    def size(self) -> int:
        """How many rows there are."""
        return self.steps * self.n

    @property
    def turned(self) -> "Span":
        """The same steps, walked the other way."""
        return self._replace(reverse=not self.reverse)

    def by_step(self, rows: Float[ndarray, "R F"]) -> Float[ndarray, "T N F"]:
        """This span's part of a batch's rows, step by step."""
        return self._walk(rows[self.rows].reshape(self.steps, self.n, rows.shape[1]))

    def columns_by_step(self, columns: Float[ndarray, "F M"]) -> Float[ndarray, "T F N"]:
        """Columns of this span alone, step by step."""
        steps = columns.reshape(len(columns), self.steps, self.n)
        return self._walk(steps.transpose(1, 0, 2))

    def blocks(self, room: Float[ndarray, "M F"], k: int) -> Float[ndarray, "T K H N"]:
        """The memory of this span's rows, cut another way: k feature-major blocks a step."""
        return self._walk(room.reshape(self.steps, k, room.shape[1] // k, self.n))

    def one_block(self, room: Float[ndarray, "N F"], k: int) -> Float[ndarray, "T K H N"]:
        """The same where nothing is kept: every step works in the memory of one."""
        block = room.reshape(k, room.shape[1] // k, self.n)
        return as_strided(block, (self.steps, *block.shape), (0, *block.strides))

    def put_outputs(
        self,
        y: Float[ndarray, "R P"],
        read: Float[ndarray, "T P N"],
        h_n: Float[ndarray, "P N"],
    ) -> None:
        """Write the span's rows of y: every h' but the last is what the next step read."""
        y_t = self.by_step(y)
        y_t[:-1], y_t[-1] = read[1:].swapaxes(1, 2), h_n.T

    def _walk(self, steps: ndarray) -> ndarray:
        return steps[::-1] if self.reverse else steps


class Chunk(NamedTuple):
    """Spans whose gradients wait for one another, to go through the large GEMMs together."""

    spans: list[Span]

    @property
    def rows(self) -> slice:
        """Their rows: they are neighbours."""
        first, last = self.spans[0].rows, self.spans[-1].rows
        return slice(min(first.start, last.start), max(first.stop, last.stop))

    @property
    def size(self) -> int:
        """How many rows there are."""
        return sum(span.size for span in self.spans)

    @property
    def widest(self) -> int:
        """The most rows of a step."""
        return max(span.n for span in self.spans)

    def columns_of(self, span: Span, columns: Float[ndarray, "F M"]) -> Float[ndarray, "T F N"]:
        """One span's part of this chunk's columns, step by step."""
        first = self.rows.start
        return span.columns_by_step(columns[:, span.rows.start - first : span.rows.stop - first])


def spans(batch_sizes: Sequence[int], width: int, reverse: bool, room: int | None = None) -> list[Span]:
    """The spans of a batch in the order of the walk; a row needs `width` numbers, a span has `room`."""
    room = ROOM if room is None else room
    found, start = [], 0
    for n, run in groupby(batch_sizes):
        steps, most = len(list(run)), max(1, room // max(1, n * width))
        for first in range(0, steps, most):
            taken = min(most, steps - first)
            found.append(Span(slice(start, start + taken * n), taken, n, reverse))
            start += taken * n
    return found[::-1] if reverse else found


def way_back(walk: Sequence[Span]) -> list[Chunk]:
    """The same walk from its end, in chunks of up to ROWS rows, or of one span."""
    chunks: list[list[Span]] = []
    waiting = 0
    for span in reversed(walk):
        waiting += span.size
        if waiting > ROWS or not chunks:
            chunks.append([])
            waiting = span.size
        chunks[-1].append(span.turned)
    return [Chunk(c) for c in chunks]


def add_up(sums: Sequence[ndarray], shares: Sequence[ndarray]) -> Sequence[ndarray]:
    """The sums so far, if any, with the shares of one more chunk added in place."""
    if not sums:
        return shares
    for total, share in zip(sums, shares, strict=True):
        total += share
    return sums


def feature_major(state: Float[ndarray, "N F"]) -> Float[ndarray, "F N"]:
    """The transpose, copied: an engine moves its own arrays, never the caller's."""
    return np.array(state.T, order="C")


def scratch(name: str, shape: Sequence[int], like: ndarray) -> ndarray:
    """Memory that no caller ever sees: below LARGE bytes, each name has its own in each thread, from one call
    to the next.

    Pages that come fresh from the system cost more than the arithmetic on them.
    """
    size = math.prod(shape) * like.itemsize
    if size >= LARGE:
        return np.empty(shape, like.dtype)
    room: ndarray | None = getattr(_own, name, None)
    if room is None or room.nbytes < size:
        room = np.empty(size, np.uint8)
        setattr(_own, name, room)
    return room[:size].view(like.dtype).reshape(shape)


def scratch_columns(name: str, features: int, rows: int, n: int, like: ndarray) -> Float[ndarray, "F R"]:
    """Columns, to be read n at a time. A single one is contiguous only if it is a row in memory."""
    if n == 1:
        return scratch(name, (rows, features), like).T
    return scratch(name, (features, rows), like)


def regate(
    weight: Float[ndarray, "G *I"], gates: Sequence[int], scales: Sequence[float]
) -> Float[ndarray, "G *I"]:
    """The gates of a weight or bias, put in another order and scaled: scales[k] · W_gates[k]."""
    blocks = weight.reshape(len(gates), -1, *weight.shape[1:])
    out = np.empty_like(blocks)
    for k, (gate, scale) in enumerate(zip(gates, scales, strict=True)):
        np.multiply(blocks[gate], scale, out=out[k])
    return out.reshape(weight.shape)
