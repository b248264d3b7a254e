import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import runs, table

from fwp.results import pairwise


@pytest.mark.parametrize(
    ("counts", "p"),
    [
        ((3, 4, 1, 4), 34 / 70),  # Fisher 1935: the lady tasting tea
        ((10, 13, 2, 17), 0.0005367),  # Fisher 1935: convictions of twins
        ((3, 3, 0, 3), 2 / 20),
        ((6, 6, 0, 6), 2 / 924),
        ((2, 5, 2, 5), 1.0),
    ],
)
def test_exact_test_has_the_textbook_values(counts, p):
    assert pairwise.exact(*counts) == pytest.approx(p, rel=1e-3)


def test_fewest_seeds_that_could_tell_models_apart():
    assert pairwise.fewest(1) == 4  # 2 / 70 < 0.05 < 2 / 20
    assert pairwise.fewest(21) == 6  # seven models: 21 · 2 / 924 < 0.05 < 21 · 2 / 252


def test_holms_correction():
    frame = pairwise.compare(table(*runs(a="+" * 8, b="-" * 8, c="++------")))
    p = frame["p"].to_numpy()
    first, second, third = np.sort(p)
    expected = {first: 3 * first, second: 2 * second, third: third}  # Holm 1979
    assert frame["p_corrected"].tolist() == pytest.approx([expected[value] for value in p])
    assert frame["verdict"].tolist() == ["first", "first", "no difference shown"]


def test_holms_correction_is_that_of_statsmodels():
    from statsmodels.stats.multitest import multipletests

    values = np.random.default_rng(0).integers(0, 40, size=60) / 40  # with ties, zeros, ones
    assert pairwise.holm(values) == multipletests(values, method="holm")[1].tolist()
    assert pairwise.holm([]) == []


def test_the_second_model_may_be_the_better_one():
    frame = pairwise.compare(table(*runs(a="-" * 6, b="+" * 6)))
    assert frame["verdict"].tolist() == ["second"]


def test_too_few_seeds_are_told_apart_from_no_difference():
    few = pairwise.compare(table(*runs(a="+++", b="---")))
    assert few["verdict"].tolist() == ["too few seeds"]
    same = pairwise.compare(table(*runs(a="++++", b="+++-")))
    assert same["verdict"].tolist() == ["no difference shown"]


def test_the_number_of_pairs_of_a_bin_counts():
    assert pairwise.compare(table(*runs(a="++++", b="----")))["verdict"].tolist() == ["first"]
    more = table(*runs(a="++++", b="----", c="----"), *runs(bin="51-100", a="++++", b="----"))
    frame = pairwise.compare(more).set_index(["bin", "first", "second"])["verdict"]
    assert frame["2-50", "a", "b"] == "too few seeds"
    assert frame["51-100", "a", "b"] == "first"


def test_one_model_has_nobody_to_compare_with():
    assert pairwise.compare(table(*runs(a="+++"))).empty


@settings(deadline=None)  # importing networkx counts for the first example
@given(st.lists(st.tuples(*[st.sampled_from("abcdef")] * 2), max_size=12))
def test_models_share_a_letter_unless_they_differ(pairs):
    different = {pair for pair in pairs if pair[0] != pair[1]}
    letters = pairwise.letters("abcdef", different)
    assert "a" in letters["a"]
    for one in "abcdef":
        for other in "abcdef":
            apart = (one, other) in different or (other, one) in different
            assert apart != bool(set(letters[one]) & set(letters[other]))
