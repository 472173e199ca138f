"""What the fused NumPy cells share: views of a span, the per-thread workspace, reordered gates.

There are no cells and no equations here. Spans and chunks are in scratch_rnn/spans.py.

An array is feature-major where the gates of a step must be contiguous: (T, ·, N), one (·, N) block per
step. Columns, (·, R), are feature-major over many rows at once, the layout that the large GEMMs need.

Axes (scratch_rnn/notation.py): R rows, P width of h, G gate rows. In a span T and N are its own steps and
rows, and M = T·N; F any features, K blocks of features, H hidden.
"""

import math
import threading
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from numpy import ndarray
from numpy.lib.stride_tricks import as_strided

from scratch_rnn.spans import Chunk, Span

HUGE_PAGE_BYTES = 2**22
"""From this size on NumPy asks Linux for huge pages, so that new memory is cheap."""

CACHE_LINE = 64
"""Bytes. A vector that lies in two cache lines takes two accesses."""
TAIL = -4.0
"""Where a/2 is below it, σ(a) is not computed as (1 + tanh(a/2))/2 but by sigmoid_tail."""

_workspace = threading.local()


def by_step(span: Span, rows: Float[ndarray, "R F"]) -> Float[ndarray, "T N F"]:
    """The span's rows of a batch, step by step, in the order of the span."""
    return _in_order(span, rows[span.rows].reshape(span.steps, span.n, rows.shape[1]))


def columns_by_step(span: Span, columns: Float[ndarray, "F M"]) -> Float[ndarray, "T F N"]:
    """Columns of this span alone, step by step, in the order of the span."""
    return _in_order(span, columns.reshape(len(columns), span.steps, span.n).transpose(1, 0, 2))


def chunk_columns_by_step(
    chunk: Chunk, span: Span, columns: Float[ndarray, "F M"]
) -> Float[ndarray, "T F N"]:
    """One span's columns among the columns of its chunk, step by step, in the order of the span."""
    return columns_by_step(span, columns[:, chunk.slice_of(span)])


def blocks(span: Span, buffer: Float[ndarray, "M F"], k: int) -> Float[ndarray, "T K H N"]:
    """The memory of the span's rows as k feature-major blocks per step, in the order of the span."""
    return _in_order(span, buffer.reshape(span.steps, k, buffer.shape[1] // k, span.n))


def one_block(span: Span, buffer: Float[ndarray, "N F"], k: int) -> Float[ndarray, "T K H N"]:
    """The same without saving: every step writes to the memory of one step."""
    block = buffer.reshape(k, buffer.shape[1] // k, span.n)
    return as_strided(block, (span.steps, *block.shape), (0, *block.strides))


def step_memory(
    span: Span, saved: Float[ndarray, "R F"], h_prev: Float[ndarray, "M P"], k: int, keep: bool
) -> tuple[Float[ndarray, "T K H N"], Float[ndarray, "T P N"]]:
    """What a span writes: k blocks per step, and the h that each step starts from. If `keep`, at the rows of
    the span; otherwise every step writes to the same blocks, and h is at the first rows.
    """
    if keep:
        return blocks(span, saved[span.rows], k), blocks(span, h_prev[span.rows], 1)[:, 0]
    return one_block(span, saved[: span.n], k), blocks(span, h_prev[: span.size], 1)[:, 0]


def write_outputs(
    span: Span,
    y: Float[ndarray, "R P"],
    h_prev: Float[ndarray, "T P N"],
    h_n: Float[ndarray, "P N"],
) -> None:
    """Write the span's rows of y: the h' of a step is the h_prev of the next one, and h_n the last h'."""
    y_t = by_step(span, y)
    y_t[:-1], y_t[-1] = h_prev[1:].swapaxes(1, 2), h_n.T


def _in_order(span: Span, steps: ndarray) -> ndarray:
    return steps[::-1] if span.reverse else steps


def add_shares(sums: Sequence[ndarray], shares: Sequence[ndarray]) -> Sequence[ndarray]:
    """The sums so far, if any, with the shares of one more chunk added in place."""
    if not sums:
        return shares
    for total, share in zip(sums, shares, strict=True):
        total += share
    return sums


def transposed_copy(state: Float[ndarray, "N F"]) -> Float[ndarray, "F N"]:
    """The transpose as a copy: an engine updates its own arrays, never the caller's."""
    return state.T.copy()


def workspace(name: str, shape: Sequence[int], like: ndarray) -> ndarray:
    """Uninitialised memory that is never returned to a caller.

    Below HUGE_PAGE_BYTES, each name has one buffer per thread, used again by the next call: pages that are
    new from the operating system cost more than the arithmetic on them. It starts on a cache line.
    """
    size = math.prod(shape) * like.itemsize
    if size >= HUGE_PAGE_BYTES:
        return np.empty(shape, like.dtype)
    buffer: ndarray | None = getattr(_workspace, name, None)
    if buffer is None or buffer.nbytes < size:
        unaligned = np.empty(size + CACHE_LINE, np.uint8)
        buffer = unaligned[-unaligned.ctypes.data % CACHE_LINE :][:size]
        setattr(_workspace, name, buffer)
    return buffer[:size].view(like.dtype).reshape(shape)


def workspace_columns(name: str, features: int, rows: int, n: int, like: ndarray) -> Float[ndarray, "F R"]:
    """Columns that are read n at a time. A single column is contiguous only if it is a row in memory."""
    if n == 1:
        return workspace(name, (rows, features), like).T
    return workspace(name, (features, rows), like)


def sigmoid_tail(half: Float[ndarray, "*shape"]) -> tuple[Int[ndarray, "M"], Float[ndarray, "M"]]:
    """Where a < -8, and σ(a) = eᵃ/(1 + eᵃ) there; `half` is a/2. These are the arguments of ndarray.put.

    (1 + tanh(a/2))/2 has an absolute error of an ulp of 1, however small σ(a) is. From a = -8 on, the
    relative error is at most 6e-5 in float32 and 2e-13 in float64. The exponential of all a would cost more
    than the tanh, so a step looks for its smallest a, and calls this function if that is below -8 or NaN.
    """
    below = np.flatnonzero(half < TAIL)
    z = np.exp(2 * half.take(below))
    return below, z / (1 + z)


def reorder_gates(
    weight: Float[ndarray, "G *I"], gates: Sequence[int], scales: Sequence[float]
) -> Float[ndarray, "G *I"]:
    """The gates of a weight or bias in another order, and scaled: scales[k] · W_gates[k]."""
    blocks = weight.reshape(len(gates), -1, *weight.shape[1:])
    out = np.empty_like(blocks)
    for k, (gate, scale) in enumerate(zip(gates, scales, strict=True)):
        np.multiply(blocks[gate], scale, out=out[k])
    return out.reshape(weight.shape)
