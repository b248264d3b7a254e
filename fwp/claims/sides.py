"""On which side of a threshold an interval is, now and with further seeds.

A side is 1 if the whole interval is at or above the threshold, -1 if it is below, and 0 if the
threshold is within, or if there are too few seeds for an interval. A `Side` gives it for 0, 1, 2, …
further seeds "with the same outcome": the share of successes, or the distribution of accuracies,
stays as close to that of the seeds that ran as the new number of seeds permits.
"""

from collections.abc import Callable
from functools import cache

import numpy as np

from fwp.results import statistics
from fwp.results.pairwise import exact

Side = Callable[[int], int]
MANY = 500  # further seeds; larger numbers are not tried


def of_rate(reached: int, seeds: int, claimed: float, confidence: float) -> Side:
    """The side of Wilson's interval for a success rate."""
    trials = seeds + np.arange(MANY + 1)
    successes = np.rint(reached / seeds * trials).astype(int)
    sides = _side(*statistics.wilson(successes, trials, confidence), claimed)
    return lambda more: int(sides[more])


def of_median(values: np.ndarray, claimed: float, confidence: float) -> Side:
    """The side of the bootstrap interval for a median."""

    @cache
    def side(more: int) -> int:
        limits = statistics.median_interval(_alike(values, more), confidence)
        return int(_side(*limits, claimed))

    return side


def of_difference(
    reached: int, seeds: int, other_reached: int, other_seeds: int, confidence: float
) -> Side:
    """Which of two models has the higher rate by Fisher's exact test; both get further seeds."""
    rate, other_rate = reached / seeds, other_reached / other_seeds

    @cache
    def side(more: int) -> int:
        counts = [round(rate * (seeds + more)), seeds + more]
        counts += [round(other_rate * (other_seeds + more)), other_seeds + more]
        if rate == other_rate or exact(*counts) > 1 - confidence:
            return 0
        return 1 if rate > other_rate else -1

    return side


def anytime(reached: int, seeds: int, claimed: float, confidence: float) -> int:
    """The side of an interval for a success rate that holds however seeds are added."""
    return int(_side(*statistics.confidence_sequence(reached, seeds, confidence), claimed))


def anytime_difference(
    reached: int, seeds: int, other_reached: int, other_seeds: int, confidence: float
) -> int:
    """Which of two models has the higher rate, however seeds are added to either.

    Each rate has an interval at half the error, so that both hold together.
    """
    each = (1 + confidence) / 2
    low, high = statistics.confidence_sequence(reached, seeds, each)
    other_low, other_high = statistics.confidence_sequence(other_reached, other_seeds, each)
    return int(low > other_high) - int(high < other_low)


def fewest(side: Side) -> int | None:
    """How many further seeds decide; 0 if those that ran do, None if even `MANY` do not."""
    return next((more for more in range(MANY + 1) if side(more)), None)


def fewest_by_halves(side: Side) -> int | None:
    """The same of a `Side` that takes long: about log2(MANY) numbers are tried.

    One less does not decide. But shares are rounded, so a still smaller number may do by chance.
    """
    if side(0):
        return 0
    low, high = 0, 1
    while not side(high):
        if high == MANY:
            return None
        low, high = high, min(2 * high, MANY)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if side(middle) else (middle, high)
    return high


def _side(low, high, claimed: float) -> np.ndarray:
    return np.where(low >= claimed, 1, np.where(high < claimed, -1, 0))


def _alike(values: np.ndarray, more: int) -> np.ndarray:
    """The values, or as many as there are with `more` seeds, distributed as these."""
    total = len(values) + more
    shares = (np.arange(total) + 0.5) / total
    return np.quantile(values, shares, method="inverted_cdf") if more else values
