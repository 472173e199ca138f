"""Which rows of the data a step sees: a function of the seed and of the step's number, of nothing else.

So three implementations see the same batches, and so does a run that was interrupted and goes on. All rows
in their own order where one batch holds them all; else a new order each epoch, the last batch of an epoch
being what is left.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy import ndarray


@dataclass(frozen=True)
class Batches:
    """`count` rows in batches of `size`; size None is all of them."""

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
        """The rows that this step sees, by number."""
        if self.steps == 1:
            return np.arange(self.count)
        assert self.size is not None
        epoch, number = divmod(step, self.steps)
        return _order(self.seed, epoch, self.count)[number * self.size : (number + 1) * self.size]


@lru_cache(maxsize=1)
def _order(seed: int, epoch: int, count: int) -> ndarray:
    """An order of all rows; the last one is kept, as the next step asks for it again."""
    order = np.random.default_rng([seed, epoch]).permutation(count)
    order.setflags(write=False)
    return order
