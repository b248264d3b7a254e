"""Permutation tests between two sets of seeds, against their definition and others' code."""

from itertools import combinations, product

import numpy as np
import pytest
from scipy.stats import permutation_test

from fwp.results import permutation


def distance(a, b, axis=-1):
    return np.mean(a, axis=axis) - np.mean(b, axis=axis)


@pytest.mark.parametrize("sizes", [(3, 3), (5, 5), (2, 6), (7, 4)])
def test_exchanging_among_all_seeds_is_exact(sizes):
    rng = np.random.default_rng(sum(sizes))
    a, b = (rng.normal(shift, 1, (n, 4)) for shift, n in zip((0, 1), sizes, strict=True))
    found = permutation.unpaired(a, b)
    for i in range(4):
        values = np.concatenate([a[:, i], b[:, i]])
        ways = []
        for chosen in combinations(range(len(values)), sizes[0]):
            inside = np.isin(np.arange(len(values)), chosen)
            ways.append(abs(values[inside].mean() - values[~inside].mean()))
        far = abs(a[:, i].mean() - b[:, i].mean()) - 1e-9
        assert found[i] == pytest.approx(np.mean(np.array(ways) >= far))


@pytest.mark.parametrize("number", [2, 5, 8])
def test_exchanging_within_pairs_is_exact(number):
    rng = np.random.default_rng(number)
    a, b = rng.normal(0, 1, (number, 3)), rng.normal(0.5, 1, (number, 3))
    found = permutation.paired(a, b)
    for i in range(3):
        signs = np.array(list(product((1, -1), repeat=number)))
        ways = np.abs(signs @ (a - b)[:, i])
        assert found[i] == pytest.approx(np.mean(ways >= ways[0] - 1e-9))


def test_many_seeds_are_sampled_and_agree_with_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (14, 2)), rng.normal(0.6, 1, (14, 2))
    options = {"n_resamples": 9_999, "rng": 1}
    for test, kind in ((permutation.unpaired, "independent"), (permutation.paired, "samples")):
        found = test(a, b)
        assert np.array_equal(found, test(a, b))
        for i in range(2):
            pair = (a[:, i], b[:, i])
            theirs = permutation_test(pair, distance, permutation_type=kind, **options)
            assert found[i] == pytest.approx(theirs.pvalue, abs=0.02)


@pytest.mark.parametrize(
    ("sizes", "pairs", "expected"),
    [
        ((5, 5), False, 2 / 252),
        ((2, 2), False, 1 / 3),
        ((3, 5), False, 1 / 56),
        ((6, 6), True, 1 / 32),
    ],
)
def test_the_lowest_p_is_that_of_values_that_do_not_overlap(sizes, pairs, expected):
    a, b = np.arange(sizes[0])[:, None], 100 + np.arange(sizes[1])[:, None]
    test = permutation.paired if pairs else permutation.unpaired
    assert test(a, b)[0] == permutation.lowest(*sizes, pairs=pairs) == pytest.approx(expected)


def test_equal_means_and_values_without_spread_are_no_difference():
    assert permutation.unpaired([[1.0], [1.0]], [[1.0], [1.0]]) == [1]
    assert permutation.paired([[0.1], [0.3]], [[0.3], [0.1]]) == [1]
    assert permutation.unpaired([[0.1], [0.2], [0.3]], [[0.3], [0.1], [0.2]]) == [1]


def test_no_more_than_one_in_twenty_is_called_different_by_chance():
    rng = np.random.default_rng(0)
    # Seeds that solve a bin or not, as many do.
    a, b = ((rng.random((5, 2_000)) < 0.6) * 1.0 for _ in range(2))
    assert (permutation.unpaired(a, b) <= 0.05).mean() <= 0.05
    assert (permutation.false_discoveries(permutation.unpaired(a, b)) <= 0.05).sum() == 0
