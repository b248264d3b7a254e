"""Intervals of means and differences of means, against SciPy's."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from fwp.claims import means, sides

ONE, OTHER = np.array([2.1, 2.0, 2.4]), np.array([2.6, 2.9, 2.8, 2.5])


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_intervals_are_those_of_student_and_of_welch(confidence):
    one, other = means.sample(ONE), means.sample(OTHER)
    known = stats.ttest_1samp(ONE, 0).confidence_interval(confidence)
    assert means.of_mean(one, confidence) == pytest.approx(known)
    test: Any = stats.ttest_ind(ONE, OTHER, equal_var=False)
    known = test.confidence_interval(confidence)
    assert means.of_difference(one, other, confidence) == pytest.approx(known)
    assert means.p_value(one, other) == pytest.approx(test.pvalue)


def test_a_single_seed_has_no_interval():
    one, other = means.sample(ONE[:1]), means.sample(OTHER)
    assert np.isnan(means.of_mean(one, 0.95)).all()
    assert np.isnan(means.of_difference(one, other, 0.95)).all()
    assert math.isnan(means.p_value(one, other))
    assert means.side_of_difference(one, other, 0.0, 0.95)(0) == 0
    assert means.side_of_mean(one, 5.0, 0.95)(0) == 0


def test_seeds_that_are_all_alike_have_an_interval_without_width():
    one, other = (means.sample(np.full(2, x)) for x in (1.0, 2.0))
    assert means.of_difference(one, other, 0.95) == (-1, -1)
    assert means.p_value(one, other) == 0 and means.p_value(one, one) == 1
    assert means.side_of_difference(one, one, 0.0, 0.95)(500) == 0


def test_sides_and_how_many_further_seeds_decide():
    one, other = means.sample(np.array([2.0, 2.4])), means.sample(np.array([2.5, 2.9]))
    side = means.side_of_difference(one, other, 0.0, 0.95)
    assert side(0) == 0
    more = sides.fewest(side)
    assert more is not None and side(more) == -1 and side(more - 1) == 0
    low, high = means.of_difference(one.with_further(more), other.with_further(more), 0.95)
    assert low < high < 0
    assert means.side_of_difference(one, other, -0.5, 0.95)(500) == 0  # that is the mean itself
    assert means.side_of_mean(one, 1.0, 0.8)(0) == 1 and means.side_of_mean(one, 9.0, 0.8)(0) == -1
