"""What further seeds would show, and what holds however they are added."""

import numpy as np
import pytest
from synthetic import runs, table

from fwp.claims import sides
from fwp.claims.claim import Claim, Criterion
from fwp.claims.judge import judge


def judged(accuracy, *, models=("a",), **criterion):
    made = Criterion(models, ("p",), (0,), **({"statistic": "success_rate"} | criterion))
    return judge([Claim("c", "text", "", 0.95, (made,))], accuracy)[0]


def marks(reached, seeds):
    return "+" * reached + "-" * (seeds - reached)


def with_seeds(outcomes, more):
    """Results with `more` further seeds of each model, of the same outcome."""
    made = {}
    for model, solved in outcomes.items():
        seeds = len(solved) + more
        made[model] = marks(round(solved.count("+") / len(solved) * seeds), seeds)
    return table(*runs(**made))


@pytest.mark.parametrize(
    ("outcomes", "criterion"),
    [
        ({"a": "+++"}, {"at_least": 0.5}),
        ({"a": "+++-"}, {"at_least": 0.5}),
        ({"a": "++---"}, {"below": 0.5}),
        ({"a": "++--+"}, {"at_least": 0.5}),
        ({"a": "---"}, {"statistic": "best", "at_least": 1.0}),
        ({"a": "---"}, {"statistic": "best", "below": 1.0}),
        ({"a": "++++"}, {"statistic": "median", "at_least": 1.0}),
        ({"a": "++--++-"}, {"statistic": "median", "at_least": 1.0}),
        ({"a": "+++", "b": "+--"}, {"more_than": "b"}),
        ({"a": "+++", "b": "++-"}, {"at_least": 0.5, "models": ("a", "b")}),
        ({"a": "++-+-", "b": "+++-"}, {"at_least": 0.5, "models": ("a", "b")}),
        ({"a": "---", "b": "++-", "c": "+--"}, {"at_least": 0.5, "models": ("a", "b", "c")}),
    ],
)
def test_so_many_seeds_settle_a_claim_and_one_less_does_not(outcomes, criterion):
    """With `--config seeds=N`, N of the report, the verdict is as promised."""
    now = judged(table(*runs(**outcomes)), **criterion)
    assert now.verdict == "undetermined" and now.more
    assert judged(with_seeds(outcomes, now.more - 1), **criterion).verdict == "undetermined"
    then = judged(with_seeds(outcomes, now.more), **criterion)
    against = any(not item.as_claimed for item in now.evidence)
    assert then.verdict == ("contradicted" if against else "supported") and then.more == 0


def test_cells_are_settled_with_the_same_number_of_seeds():
    """With 8 more seeds, 10 of 13 is open again: four of five are rounded down."""
    apart = {"a": marks(4, 5), "b": marks(6, 8)}
    found = judged(table(*runs(**apart)), models=("a", "b"), at_least=0.5)
    assert ([item.more for item in found.evidence], found.more) == ([6, 8], 9)
    for more, verdict in ((8, "undetermined"), (9, "supported")):
        assert judged(with_seeds(apart, more), models=("a", "b"), at_least=0.5).verdict == verdict


def test_seeds_do_not_settle_what_was_not_run():
    found = judged(table(*runs(a="+++")), models=("a", "z"), at_least=0.5)
    assert (found.verdict, found.more) == ("undetermined", None)
    found = judged(table(*runs(a="---")), models=("a", "z"), at_least=0.5)
    assert (found.verdict, found.more) == ("undetermined", 1)  # one cell contradicts it


def test_what_takes_long_is_tried_by_halves():
    for need in (0, 1, 2, 3, 7, 8, 100, 499, 500):
        tried = []

        def side(more, need=need, tried=tried):
            tried.append(more)
            return int(more >= need)

        assert sides.fewest_by_halves(side) == need == sides.fewest(side)
        assert len(tried) - need - 1 <= 20
    assert sides.fewest_by_halves(lambda _: 0) is sides.fewest(lambda _: 0) is None


def test_further_seeds_have_the_distribution_of_those_that_ran():
    values = np.array([0.2, 1.0, 0.9])
    assert np.array_equal(sides._alike(values, 0), values)
    assert sorted(sides._alike(values, 3)) == [0.2, 0.2, 0.9, 0.9, 1.0, 1.0]
    assert sorted(sides._alike(values, 1)) == [0.2, 0.9, 0.9, 1.0]


@pytest.mark.parametrize(
    ("solved", "criterion", "verdict", "anytime"),
    [
        ("+" * 3, {"at_least": 0.5}, "undetermined", None),
        ("+" * 4, {"at_least": 0.5}, "supported", False),
        ("+" * 7, {"at_least": 0.5}, "supported", False),
        ("+" * 8, {"at_least": 0.5}, "supported", True),
        ("-" * 8, {"at_least": 0.5}, "contradicted", True),
        ("-" * 7, {"below": 0.5}, "supported", False),
        ("+", {"statistic": "best", "at_least": 1.0}, "supported", True),  # seen once
        ("-" * 28, {"statistic": "best", "below": 1.0}, "supported", False),
        ("-" * 29, {"statistic": "best", "below": 1.0}, "supported", True),
        ("+" * 6, {"statistic": "median", "at_least": 1.0}, "supported", False),
        ("+" * 8, {"statistic": "median", "at_least": 1.0}, "supported", True),
        ("-" * 8, {"statistic": "median", "at_least": 1.0}, "contradicted", True),
    ],
)
def test_a_verdict_that_added_seeds_cannot_bring_about(solved, criterion, verdict, anytime):
    found = judged(table(*runs(a=solved)), **criterion)
    assert found.verdict == verdict
    assert found.evidence[0].anytime is anytime and found.anytime is bool(anytime)


def test_of_two_models_the_difference_may_hold_however_seeds_are_added():
    def found(n, swap=False):
        a, b = ("-", "+") if swap else ("+", "-")
        return judged(table(*runs(a=a * n, b=b * n)), more_than="b")

    fewest = next(n for n in range(1, 30) if found(n).anytime)
    assert fewest == 9 and found(4).verdict == "supported" and not found(4).anytime
    assert found(fewest, swap=True).verdict == "contradicted" and found(fewest, swap=True).anytime


def test_a_claim_holds_however_seeds_are_added_if_all_its_cells_do():
    accuracy = table(*runs(a="+" * 8, b="+" * 5, c="-" * 8, d="-" * 5))

    def anytime(*models):
        return judged(accuracy, models=models, at_least=0.5).anytime

    assert anytime("a") and not anytime("a", "b")
    assert anytime("a", "b", "c", "d") and not anytime("a", "b", "d")  # one contradicts it
