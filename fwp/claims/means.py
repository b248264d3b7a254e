"""Intervals of means and of their differences over seeds, and on which side of a limit they are.

Of one mean Student's interval, of the difference of two means Welch's, which allows each model its
own variance (Welch 1947, Biometrika 34:28). A single seed has no interval. A `Side` (see
`fwp.claims.sides`) of further seeds takes mean and variance to stay as they are.
"""

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from fwp.claims.sides import Side


class Sample(NamedTuple):
    """Mean, variance (unbiased; NaN of one value) and number of values."""

    mean: float
    variance: float
    number: int

    def with_further(self, more: int) -> "Sample":
        """The same with so many further values; those of a single one are all equal."""
        variance = 0.0 if self.number == 1 and more else self.variance
        return self._replace(number=self.number + more, variance=variance)


def sample(values: np.ndarray) -> Sample:
    """What intervals are made of."""
    variance = float(values.var(ddof=1)) if len(values) > 1 else math.nan
    return Sample(float(values.mean()), variance, len(values))


def of_mean(one: Sample, confidence: float) -> tuple[float, float]:
    """Student's interval of a mean; NaN where there is a single value."""
    return _around(one.mean, one.variance / one.number, one.number - 1, confidence)


def of_difference(one: Sample, other: Sample, confidence: float) -> tuple[float, float]:
    """Welch's interval of a difference of means; NaN where one of them has a single value."""
    square, freedom = _welch(one, other)
    return _around(one.mean - other.mean, square, freedom, confidence)


def p_value(one: Sample, other: Sample) -> float:
    """Of Welch's test that two means are equal, two-sided; NaN where a model has one value."""
    from scipy.special import stdtr

    square, freedom = _welch(one, other)
    if square > 0:
        return float(2 * stdtr(freedom, -abs(one.mean - other.mean) / math.sqrt(square)))
    return square if math.isnan(square) else float(one.mean == other.mean)


def side_of_mean(one: Sample, claimed: float, confidence: float) -> Side:
    """1 if the interval of a mean is at or above a limit, -1 if it is below, 0 otherwise."""

    @cache
    def side(more: int) -> int:
        low, high = of_mean(one.with_further(more), confidence)
        return int(low >= claimed) - int(high < claimed)

    return side


def side_of_difference(one: Sample, other: Sample, claimed: float, confidence: float) -> Side:
    """1 if the interval of a difference is above a limit, -1 if it is below, 0 otherwise."""

    @cache
    def side(more: int) -> int:
        low, high = of_difference(one.with_further(more), other.with_further(more), confidence)
        return int(low > claimed) - int(high < claimed)

    return side


def _welch(one: Sample, other: Sample) -> tuple[float, float]:
    """Squared standard error of the difference, and degrees of freedom."""
    a, b = one.variance / one.number, other.variance / other.number
    if not a + b > 0:  # all seeds alike, or one of one seed
        return a + b, math.inf
    parts = a**2 / (one.number - 1), b**2 / (other.number - 1)
    return a + b, (a + b) ** 2 / sum(parts)


def _around(middle: float, square: float, freedom: float, confidence: float) -> tuple[float, float]:
    from scipy.special import stdtrit

    if math.isnan(square):
        return math.nan, math.nan
    half = 0.0
    if square > 0:
        half = float(stdtrit(freedom, (1 + confidence) / 2)) * math.sqrt(square)
    return middle - half, middle + half
