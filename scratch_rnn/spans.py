"""A ragged batch as runs of steps of equal size. Plain Python, used by both fused engines.

Rows have the layout of layer.py in both trees: time first, step t owns N_t consecutive rows, and
N_0 ≥ N_1 ≥ …

    batch_sizes   3 3 3 2 1 1        spans   3 3 3 | 2 | 1 1

A span is a run of steps that have the same number of rows, so its rows form a full (T, N, ·) array. A span
ends where the number of rows changes, or where its values would no longer fit into the CPU cache.
The state of the whole batch is kept between spans; a span updates its first N rows.

A chunk is several neighbouring spans. In the backward pass the gradients of a chunk are computed together,
so that each weight's gradient needs one GEMM per chunk.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

MAX_NUMBERS_PER_SPAN = 2**17
"""The most numbers (array elements) that the steps of one span use: in float32, half of a 1 MiB cache."""
MAX_ROWS_PER_CHUNK = 512
"""The most rows of a chunk, unless one span alone has more: an efficient GEMM in little memory."""


class Span(NamedTuple):
    """`steps` steps of `n` rows each. With `reverse` the last step is computed first."""

    rows: slice
    steps: int
    n: int
    reverse: bool

    @property
    def size(self) -> int:
        """The number of rows, steps · n."""
        return self.steps * self.n

    @property
    def reversed(self) -> "Span":
        """The same steps in the opposite order."""
        return self._replace(reverse=not self.reverse)


class Chunk(NamedTuple):
    """Neighbouring spans whose gradients go through the large GEMMs together."""

    spans: list[Span]

    @property
    def rows(self) -> slice:
        """The rows of all its spans."""
        first, last = self.spans[0].rows, self.spans[-1].rows
        return slice(min(first.start, last.start), max(first.stop, last.stop))

    @property
    def size(self) -> int:
        """The number of rows."""
        return sum(span.size for span in self.spans)

    @property
    def widest(self) -> int:
        """The most rows of one step."""
        return max(span.n for span in self.spans)

    def slice_of(self, span: Span) -> slice:
        """Where the rows of one of its spans are among the rows of this chunk."""
        first = self.rows.start
        return slice(span.rows.start - first, span.rows.stop - first)


def spans(
    batch_sizes: Sequence[int], width: int, reverse: bool, max_numbers: int | None = None
) -> list[Span]:
    """The spans of a batch, in the order in which they are computed.

    A row needs `width` numbers; a span has at most `max_numbers` of them (None: MAX_NUMBERS_PER_SPAN), but
    at least one step.

    >>> [(span.steps, span.n) for span in spans([3, 3, 3, 2, 1, 1], width=4, reverse=False)]
    [(3, 3), (1, 2), (2, 1)]
    """
    max_numbers = MAX_NUMBERS_PER_SPAN if max_numbers is None else max_numbers
    found, start = [], 0
    for n, run in groupby(batch_sizes):
        steps, most = len(list(run)), max(1, max_numbers // max(1, n * width))
        for first in range(0, steps, most):
            taken = min(most, steps - first)
            found.append(Span(slice(start, start + taken * n), taken, n, reverse))
            start += taken * n
    return found[::-1] if reverse else found


def backward_chunks(forward: Sequence[Span]) -> list[Chunk]:
    """The spans of a forward pass in reverse order, in chunks of at most MAX_ROWS_PER_CHUNK rows.

    >>> [chunk.size for chunk in backward_chunks(spans([200, 200, 150], width=1, reverse=False))]
    [150, 400]
    """
    chunks: list[list[Span]] = []
    rows = 0
    for span in reversed(forward):
        rows += span.size
        if rows > MAX_ROWS_PER_CHUNK or not chunks:
            chunks.append([])
            rows = span.size
        chunks[-1].append(span.reversed)
    return [Chunk(chunk) for chunk in chunks]
