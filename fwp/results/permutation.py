"""Whether two sets of seeds differ by more than chance: exact permutation tests.

If nothing differs, which seeds are called A and which B is arbitrary. So the names are exchanged in
every possible way. A p-value is the share of these ways in which the means are at least as far
apart as they are in fact. It holds whatever the distribution, such as seeds that reach 0 or 100 %.
"""

import itertools
import math

import numpy as np
from numpy.typing import ArrayLike

MOST = 9_999
"""Ways that are looked at; if there are more, so many are drawn, always the same."""

AT_A_TIME = 256  # quantities: bounds the memory


def unpaired(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """Two-sided p-values for differences of means, of many quantities.

    Args:
        a, b: values of the seeds [seeds, quantities]; seeds of the two are not related.

    Returns:
        [quantities]
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    values, size = np.concatenate([a, b]), len(a)
    # The difference of means is a linear function of the sum of the first.
    return _share(_splits(len(values), size), values, values.sum(0) * size / len(values))


def paired(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """The same where seed i of `a` and seed i of `b` share initial weights and data.

    The names are exchanged within pairs.
    """
    difference = np.asarray(a, float) - np.asarray(b, float)
    return _share(_signs(len(difference)), difference, np.zeros(difference.shape[1]))


def lowest(a: int, b: int, *, pairs: bool) -> float:
    """The smallest two-sided p-value that so many seeds can give."""
    if pairs:
        return 2.0 ** (1 - a)
    return (2 if a == b else 1) / math.comb(a + b, a)


def false_discoveries(values: np.ndarray) -> np.ndarray:
    """p-values after the correction of Benjamini & Hochberg (1995).

    Of all that is called different at 5 %, at most 5 % are expected to differ by chance.
    """
    from scipy.stats import false_discovery_control

    return false_discovery_control(values) if len(values) else np.zeros(0)


def _share(ways: np.ndarray, values: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """In which share of ways [ways, seeds] a sum is as far from its middle as in the first."""
    found = []
    for i in range(0, values.shape[1], AT_A_TIME):
        part = slice(i, i + AT_A_TIME)
        far = np.abs(ways @ values[:, part] - middle[part])
        found.append((far >= far[0] - 1e-12).mean(0))  # the same sum differs by rounding
    return np.concatenate(found) if found else np.zeros(0)


def _splits(number: int, size: int) -> np.ndarray:
    """Which seeds are called A: 0 or 1 [ways, seeds], the first of them in fact."""
    if math.comb(number, size) <= MOST:
        ways = list(itertools.combinations(range(number), size))  # in order: (0, 1, …) comes first
        sides = np.zeros((len(ways), number))
        np.put_along_axis(sides, np.array(ways), 1, 1)
        return sides
    sides = np.zeros((MOST + 1, number))
    sides[:, :size] = 1
    sides[1:] = np.random.default_rng(0).permuted(sides[1:], axis=1)
    return sides


def _signs(number: int) -> np.ndarray:
    """Which pairs are exchanged: 1 or -1 [ways, pairs], the first without an exchange."""
    if 2**number <= MOST:
        return np.array(list(itertools.product((1.0, -1.0), repeat=number)))
    drawn = np.random.default_rng(0).choice((1.0, -1.0), (MOST + 1, number))
    drawn[0] = 1
    return drawn
