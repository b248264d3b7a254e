"""Bins of the strings that are measured: made from the lengths that are there."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fwp.utils.bins import Bin

QUANTILES = 4


class Binning(NamedTuple):
    """Bins in ascending order, and in a sentence how they were made."""

    bins: list[Bin]
    why: str


def make_bins(lengths: np.ndarray, trained: int, configured: Sequence[tuple[int, int]]) -> Binning:
    """Bins that hold all strings, none of them empty.

    Args:
        lengths: of the strings, at least one.
        trained: symbols of the longest training string.
        configured: the config's `evaluation.bins`, which are taken if they hold all strings.
    """
    bins = [Bin(*window) for window in configured]
    if all(any(bin.holds(length) for bin in bins) for length in np.unique(lengths).tolist()):
        held = [bin for bin in bins if any(map(bin.holds, lengths.tolist()))]
        return Binning(held, "Test bins are those of the config, evaluation.bins.")
    if lengths.max() > trained:
        return Binning(
            _cut(lengths, _doubled(trained, int(lengths.max()))),
            "Test bins: up to the longest training string, then twice as long each, as the "
            "config's evaluation.bins do not hold all test strings.",
        )
    limits = np.quantile(lengths, np.arange(1, QUANTILES + 1) / QUANTILES, method="lower")
    return Binning(
        _cut(lengths, limits.astype(int).tolist()),
        "Test bins have about equal numbers of strings (quartiles of the length), as the config's "
        "evaluation.bins do not hold all test strings.",
    )


def whole(lengths: np.ndarray) -> Bin:
    """One bin of all strings."""
    return Bin(int(lengths.min()), int(lengths.max()))


def _doubled(first: int, longest: int) -> list[int]:
    limits = [first]
    while limits[-1] < longest:
        limits.append(2 * limits[-1])
    return limits


def _cut(lengths: np.ndarray, limits: Sequence[int]) -> list[Bin]:
    """Bins that end at limits; the first begins, and the last ends, where the strings do."""
    bins, low = [], int(lengths.min())
    for limit in sorted(set(limits)):
        high = min(limit, int(lengths.max()))
        if ((low <= lengths) & (lengths <= high)).any():
            bins.append(Bin(low, high))
            low = high + 1
    return bins
