import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from synthetic import table

from fwp.results import statistics


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, table I
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (3, 3, 0.4385, 1.0),
        (0, 3, 0.0, 0.5615),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson_has_the_textbook_values(successes, trials, low, high):
    assert np.allclose(statistics.wilson(successes, trials), (low, high), atol=5e-5)


def test_wilson_of_arrays():
    low, high = statistics.wilson([0, 81], [3, 263])
    assert low == pytest.approx([0, 0.2553], abs=5e-5)
    assert high == pytest.approx([0.5615, 0.3662], abs=5e-5)


def test_wilson_is_narrower_with_less_confidence():
    low, high = statistics.wilson(5, 10, confidence=0.5)
    wide_low, wide_high = statistics.wilson(5, 10)
    assert wide_low < low < high < wide_high


@pytest.mark.parametrize(("successes", "trials"), [(4, 3), (-1, 3)])
def test_wilson_refuses_impossible_counts(successes, trials):
    with pytest.raises(ValueError, match="between 0 and the number of trials"):
        statistics.wilson(successes, trials)


def misses(interval, rates, trials, first=1):
    """The probability that the interval ever misses the rate, with `first` to `trials` trials."""
    numbers = np.arange(trials + 1)
    lows, highs = interval(
        np.minimum(numbers, numbers[:, None]), np.broadcast_to(numbers[:, None], [trials + 1] * 2)
    )
    for rate in rates:
        left = np.ones(1)  # probability of 0, 1, … successes so far, and no miss
        missed = 0.0
        for n in range(1, trials + 1):
            left = np.pad(left * (1 - rate), (0, 1)) + np.pad(left * rate, (1, 0))
            out = (rate < lows[n, : n + 1]) | (rate > highs[n, : n + 1])
            out &= n >= first
            missed += left[out].sum()
            left[out] = 0
        yield missed


def test_a_confidence_sequence_covers_the_rate_whenever_one_stops():
    rates = [0.01, 0.03, 0.1, 0.2, 0.35, 0.5, 0.9]
    missed = list(misses(statistics.confidence_sequence, rates, trials=120))
    assert min(missed) > 0 and max(missed) <= 0.05


def test_wilson_does_not_cover_the_rate_if_trials_are_added_until_it_fits():
    (missed,) = misses(statistics.wilson, [0.5], trials=50, first=3)
    assert missed == pytest.approx(0.31, abs=0.005)


def test_a_confidence_sequence_is_where_the_likelihood_is_not_too_small():
    """The density of the mixture, integrated here, is 1 / (1 - confidence) times it at the ends."""
    for successes, trials in ((3, 10), (8, 8), (0, 5), (150, 400)):

        def likelihood(rate, successes=successes, trials=trials):
            return rate**successes * (1 - rate) ** (trials - successes) * 2.0**trials

        mixture = likelihood(np.linspace(0, 1, 200_001)).mean()
        ends = statistics.confidence_sequence(successes, trials, 0.9)
        for end, bound in zip(ends, (0, 1), strict=True):
            if end != bound:
                assert mixture / likelihood(end) == pytest.approx(10, rel=1e-3)


def test_how_many_of_as_many_trials_exclude_one_half_and_one_fifth():
    def fewest(interval, value):
        return next(n for n in range(1, 50) if value < interval(n, n)[0])

    def fewest_failures(interval, value):
        return next(n for n in range(1, 50) if interval(0, n)[1] < value)

    sequence, wilson = statistics.confidence_sequence, statistics.wilson
    assert (fewest(wilson, 0.5), fewest(sequence, 0.5)) == (4, 8)
    assert (fewest_failures(wilson, 0.2), fewest_failures(sequence, 0.2)) == (16, 29)


def test_confidence_sequences_of_arrays_and_of_nothing():
    low, high = statistics.confidence_sequence([[0, 8], [3, 0]], [[0, 8], [10, 5]])
    assert low == pytest.approx(np.array([[0, 0.5225], [0.0366, 0]]), abs=5e-5)
    assert high == pytest.approx(np.array([[1, 1], [0.7333, 0.6161]]), abs=5e-5)
    with pytest.raises(ValueError, match="between 0 and the number of trials"):
        statistics.confidence_sequence(4, 3)


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        ([1, 1, 1], 30),
        ([1, 0.99, 1], 30),
        ([1, 0.98, 1], 10),
        ([0.5, 1, 1], 0),
        ([1, 1, float("nan")], 20),
    ],
)
def test_generalisation_length(accuracies, expected):
    assert statistics.generalisation_length([10, 20, 30], accuracies) == expected


def test_generalisation_length_does_not_depend_on_the_order():
    assert statistics.generalisation_length([30, 10, 20], [0.2, 1, 1]) == 20


def test_generalisation_length_of_another_threshold():
    assert statistics.generalisation_length([1, 2, 3], [1, 0.9, 0.8], threshold=0.85) == 2


@given(st.lists(st.sampled_from([0.0, 0.98, 0.99, 1.0, float("nan")]), min_size=1, max_size=12))
def test_frame_and_array_agree_on_generalisation(accuracies):
    rows = [("p", "m", 0, "budget", "2-50", 2 + i, a) for i, a in enumerate(accuracies)]
    frame = statistics.generalisation(table(*rows))
    expected = statistics.generalisation_length(range(2, 2 + len(accuracies)), accuracies)
    assert frame["generalisation_length"].tolist() == [expected]
    assert frame["tested_length"].tolist() == [1 + len(accuracies)]


def test_generalisation_is_per_run():
    frame = statistics.generalisation(
        table(
            ("p", "m", 0, "solved", "2-50", 2, 1.0),
            ("p", "m", 0, "solved", "2-50", 3, 1.0),
            ("p", "m", 1, "budget", "2-50", 2, 0.5),
            ("p", "m", 1, "budget", "2-50", 3, 1.0),
        )
    )
    assert frame["generalisation_length"].tolist() == [3, 0]


def test_summary_of_seeds():
    summary = statistics.summarise(
        table(
            ("p", "m", 0, "solved", "2-50", None, 1.0),
            ("p", "m", 1, "budget", "2-50", None, 0.5),
            ("p", "m", 2, "budget", "2-50", None, 0.9),
            ("p", "m", 0, "solved", "2-50", 2, 1.0),
            ("p", "m", 1, "budget", "2-50", 2, 0.5),
            ("p", "m", 2, "budget", "2-50", 2, 1.0),
        )
    ).iloc[0]
    assert summary["mean"] == pytest.approx(0.8)
    assert (summary["best"], summary["median"], summary["worst"]) == (1.0, 0.9, 0.5)
    assert (summary["seeds"], summary["solved"], summary["diverged"]) == (3, 1, 0)
    assert summary["success_rate"] == pytest.approx(1 / 3)
    assert summary["wilson_low"] == pytest.approx(0.0615, abs=1e-4)
    assert summary["wilson_high"] == pytest.approx(0.7923, abs=1e-4)
    assert (summary["generalisation_median"], summary["generalisation_best"]) == (2, 2)
    assert summary["generalisation_worst"] == 0 and summary["tested_length"] == 2


def test_a_score_is_a_mean_over_lengths_and_not_over_strings():
    accuracy = table(
        ("p", "m", 0, "solved", "2-50", None, 0.9),
        ("p", "m", 0, "solved", "2-50", 2, 1.0),
        ("p", "m", 0, "solved", "2-50", 3, 0.5),
        ("p", "m", 1, "diverged", "2-50", None, float("nan")),
        ("p", "m", 1, "diverged", "2-50", 2, float("nan")),
        ("p", "n", 0, "solved", "2-50", None, 0.9),
    )
    first, second = statistics.summarise(accuracy).itertuples()
    assert (first.score_mean, first.score_best) == (pytest.approx(0.375), 0.75)
    assert np.isnan(second.score_mean)  # it was not measured per length


def test_only_exactly_everything_is_solved():
    summary = statistics.summarise(table(("p", "m", 0, "budget", "2-50", None, 0.9999)))
    assert summary["solved"].tolist() == [0]


def test_diverged_runs_without_accuracy_count_as_nothing_right():
    summary = statistics.summarise(
        table(
            ("p", "m", 0, "solved", "2-50", None, 1.0),
            ("p", "m", 1, "diverged", "2-50", None, float("nan")),
        )
    ).iloc[0]
    assert summary["mean"] == 0.5 and summary["worst"] == 0
    assert (summary["seeds"], summary["solved"], summary["diverged"]) == (2, 1, 1)
    assert pd.isna(summary["generalisation_median"])  # nothing was measured per length


def test_shared_bins_keep_their_index_where_a_task_lacks_one():
    accuracy = table(
        ("p", "m", 0, "budget", "2-50", None, 1.0),
        ("p", "m", 0, "budget", "51-100", None, 1.0),
        ("q", "m", 0, "budget", "51-100", None, 1.0),
    )
    assert statistics.bins(accuracy) == [{"p": "2-50"}, {"p": "51-100", "q": "51-100"}]
    assert statistics.by_bin(accuracy)["bin_index"].tolist() == [0, 1, 1]


def test_windows_of_their_own_are_counted_per_task():
    accuracy = table(
        ("p", "m", 0, "budget", "2-50", None, 1.0),
        ("p", "m", 0, "budget", "51-100", None, 1.0),
        ("q", "m", 0, "budget", "4-200", None, 1.0),
        ("q", "m", 0, "budget", "204-400", None, 1.0),
        bins=("2-50", "4-200", "51-100", "204-400"),
    )
    assert statistics.bins(accuracy) == [
        {"p": "2-50", "q": "4-200"},
        {"p": "51-100", "q": "204-400"},
    ]


def test_fewest_values_for_a_median():
    # The interval from the smallest to the largest of 6 misses the median in 2 / 2^6 = 3.1 %.
    assert [statistics.fewest_for_median(c) for c in (0.5, 0.9, 0.95, 0.99)] == [2, 5, 6, 8]


@pytest.mark.parametrize("count", [7, 9, 15])
def test_median_interval_is_that_of_the_bootstrap(count):
    # Efron 1979: the median of n resampled values is at most the k-th smallest with probability
    # P(Binomial(n, k/n) > n/2).
    values = np.arange(count, dtype=float)
    below = binom.sf(count // 2, count, (values + 1) / count)
    expected = [np.searchsorted(below, level) for level in (0.025, 0.975)]
    assert np.allclose(statistics.median_interval(values[::-1]), expected)


def test_median_interval_needs_seeds_and_keeps_its_shape():
    low, high = statistics.median_interval([[0.5] * 5] * 3)
    assert low.shape == high.shape == (3,) and np.isnan([low, high]).all()
    low, high = statistics.median_interval([[0.5] * 6, [0, 0, 0, 1, 1, 1]])
    assert (low[0], high[0]) == (0.5, 0.5) and (low[1], high[1]) == (0, 1)


def test_summary_has_intervals_where_there_are_seeds_enough():
    rows = [("p", "few", s, "budget", "2-50", None, 0.1 * s) for s in range(3)]
    rows += [("p", "many", s, "budget", "2-50", None, 0.1 * s) for s in range(9)]
    few, many = statistics.summarise(table(*rows)).itertuples()
    assert np.isnan([few.median_low, few.median_high]).all()
    assert 0 < many.median_low < many.median < many.median_high < 0.8
