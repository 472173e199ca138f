"""Which rows of the data each step sees: a function of the seed and the step number only.

So all implementations see the same batches, and a resumed run sees the batches of an uninterrupted one. If
one batch holds all rows, they keep their order. Otherwise every epoch has a new order, and its last batch
holds the remaining rows.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy import ndarray


@dataclass(frozen=True)
class Batches:
    """`count` rows in batches of `size`; None means one batch of all rows."""

    count: int
    size: int | None
    seed: int

    @property
    def steps(self) -> int:
        """Steps in an epoch.

        >>> Batches(10, 4, seed=0).steps
        3
        """
        return -(-self.count // (self.size or self.count))

    def rows(self, step: int) -> ndarray:
        """The row numbers of this step's batch, (N,)."""
        if self.steps == 1:
            return np.arange(self.count)
        assert self.size is not None
        epoch, number = divmod(step, self.steps)
        return _order(self.seed, epoch, self.count)[number * self.size : (number + 1) * self.size]


@lru_cache(maxsize=1)
def _order(seed: int, epoch: int, count: int) -> ndarray:
    """The order of all rows in this epoch. Cached: all steps of an epoch use it."""
    order = np.random.default_rng([seed, epoch]).permutation(count)
    order.setflags(write=False)
    return order
