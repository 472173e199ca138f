"""Statistics of rounds: medians, quartiles, and which of two contenders is faster.

Two contenders are compared round by round, each with the round that ran next to it: what slows the machine
for a while slows both. A ratio is time(baseline) / time(contender): above 1, the contender is the faster one.
"""

from collections.abc import Sequence
from statistics import median, quantiles
from typing import NamedTuple


class Quartiles(NamedTuple):
    """The median, and the range of the middle half of all values."""

    median: float
    q1: float
    q3: float


def quartiles(values: Sequence[float]) -> Quartiles:
    """Of at least one value.

    >>> quartiles([4.0, 1.0, 2.0, 3.0, 5.0])
    Quartiles(median=3.0, q1=2.0, q3=4.0)
    """
    if len(values) == 1:
        return Quartiles(values[0], values[0], values[0])
    q1, _, q3 = quantiles(values, n=4, method="inclusive")
    return Quartiles(median(values), q1, q3)


def paired(baseline: Sequence[float], contender: Sequence[float]) -> Quartiles:
    """The ratios of rounds that ran next to each other."""
    return quartiles([theirs / ours for theirs, ours in zip(baseline, contender, strict=True)])


def verdict(ratio: Quartiles) -> str:
    """`tie` if 1 lies between the quartiles of the ratio: the difference is within the noise."""
    if ratio.q1 <= 1 <= ratio.q3:
        return "tie"
    return "faster" if ratio.median > 1 else "slower"
