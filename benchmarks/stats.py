"""What rounds say: medians, quartiles, and who is faster.

Two contenders are compared round by round, each with the round that ran beside it: what slows a machine for a
while slows both. A ratio is time(baseline) / time(contender): above 1, the contender is the faster one.
"""

import math
from collections.abc import Sequence
from statistics import median, quantiles
from typing import NamedTuple


class Quartiles(NamedTuple):
    """The median and what half of all values lie between."""

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
    """The ratios of rounds that ran side by side."""
    return quartiles([theirs / ours for theirs, ours in zip(baseline, contender, strict=True)])


def verdict(ratio: Quartiles) -> str:
    """`tie` where the quartiles of the ratio have 1 between them: the difference is inside the noise."""
    if ratio.q1 <= 1 <= ratio.q3:
        return "tie"
    return "faster" if ratio.median > 1 else "slower"


def geometric_mean(values: Sequence[float]) -> float:
    """Of ratios; 2 and ½ make 1.

    >>> geometric_mean([2.0, 0.5])
    1.0
    """
    return math.exp(sum(math.log(value) for value in values) / len(values))
