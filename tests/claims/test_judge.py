"""Claims on made-up results whose verdicts are known."""

import math

import pytest
from synthetic import runs, table

from fwp.claims.claim import Claim, Criterion
from fwp.claims.judge import judge
from fwp.results.statistics import wilson


def verdict(accuracy, *criteria, confidence=0.95):
    """The judgement on a claim; criteria are dicts."""
    made = tuple(
        Criterion(**{"models": ("a",), "tasks": ("p",), "bins": (0,)} | criterion)
        for criterion in criteria
    )
    (judged,) = judge([Claim("c", "text", "", confidence, made)], accuracy)
    return judged


SOLVES = {"statistic": "success_rate", "at_least": 0.5}
FAILS = {"statistic": "success_rate", "below": 0.5}


@pytest.mark.parametrize(
    ("seeds", "solves", "fails", "more"),
    [
        ("++++", "supported", "contradicted", 0),
        ("----", "contradicted", "supported", 0),
        ("+++", "undetermined", "undetermined", 1),  # Wilson: 0.44 to 1; of four, 0.51 to 1
        ("---", "undetermined", "undetermined", 1),
        ("+++-", "undetermined", "undetermined", 12),
        ("+-", "undetermined", "undetermined", None),
        ("+" * 16 + "-" * 4, "supported", "contradicted", 0),
    ],
)
def test_success_rates(seeds, solves, fails, more):
    accuracy = table(*runs(a=seeds))
    for criterion, expected in ((SOLVES, solves), (FAILS, fails)):
        judged = verdict(accuracy, criterion)
        (item,) = judged.evidence
        assert (judged.verdict, item.verdict, item.more) == (expected, expected, more)
        assert (item.seeds, item.reached) == (len(seeds), seeds.count("+"))
        assert (item.low, item.high) == wilson(item.reached, item.seeds)


def test_the_seeds_asked_for_do_decide():
    """What "12 more seeds like these" promises, kept."""
    for marks in ("+++", "+++-", "+----"):
        more = verdict(table(*runs(a=marks)), SOLVES).evidence[0].more
        share = marks.count("+") / len(marks)
        for extra in (more - 1, more):
            total = len(marks) + extra
            good = round(share * total)
            judged = verdict(table(*runs(a="+" * good + "-" * (total - good))), SOLVES)
            assert (judged.verdict == "undetermined") == (extra < more)


def test_less_confidence_decides_with_fewer_seeds():
    accuracy = table(*runs(a="+++"))
    assert verdict(accuracy, SOLVES, confidence=0.9).verdict == "supported"


def test_a_success_may_be_less_than_everything_right():
    accuracy = table(*runs(a="----"))  # each at 90 %
    assert verdict(accuracy, SOLVES | {"accuracy": 0.9}).verdict == "supported"
    assert verdict(accuracy, SOLVES | {"accuracy": 0.91}).verdict == "contradicted"


@pytest.mark.parametrize(
    ("seeds", "can", "more"),
    [
        ("+", "supported", 0),  # one seed is enough to show that a model can
        ("-" * 30 + "+", "supported", 0),
        ("-" * 3, "undetermined", 13),
        ("-" * 16, "contradicted", 0),  # Wilson: below 0.194
    ],
)
def test_the_best_seed(seeds, can, more):
    accuracy = table(*runs(a=seeds))
    judged = verdict(accuracy, {"statistic": "best", "at_least": 1.0})
    assert (judged.verdict, judged.evidence[0].more) == (can, more)
    opposite = {"supported": "contradicted", "contradicted": "supported"}
    judged = verdict(accuracy, {"statistic": "best", "below": 1.0})
    assert judged.verdict == opposite.get(can, can)
    assert judged.evidence[0].value == (1.0 if "+" in seeds else 0.9)


def numbers(*accuracies):
    return table(*(("p", "a", s, "budget", "2-50", None, x) for s, x in enumerate(accuracies)))


def test_the_median():
    high = {"statistic": "median", "at_least": 0.9}
    assert verdict(numbers(*[0.95] * 6), high).verdict == "supported"
    assert verdict(numbers(*[0.85] * 6), high).verdict == "contradicted"
    spread = verdict(numbers(0.5, 0.6, 0.91, 0.95, 0.99, 1.0), high)
    assert spread.verdict == "undetermined" and spread.evidence[0].low < 0.9
    few = verdict(numbers(*[0.95] * 4), high).evidence[0]
    assert few.verdict == "undetermined" and math.isnan(few.low) and few.more == 2


def test_one_model_more_often_than_another():
    above = {"statistic": "success_rate", "more_than": "b"}
    judged = verdict(table(*runs(a="++++", b="----")), above)
    assert judged.verdict == "supported" and judged.evidence[0].p == pytest.approx(2 / 70)
    assert verdict(table(*runs(a="----", b="++++")), above).verdict == "contradicted"
    few = verdict(table(*runs(a="+++", b="---")), above)
    assert few.verdict == "undetermined" and few.evidence[0].more == 1
    alike = verdict(table(*runs(a="+-", b="+-")), above)
    assert alike.verdict == "undetermined" and alike.evidence[0].more is None


def test_one_cell_against_a_claim_contradicts_it():
    accuracy = table(*runs(a="++++", b="++++", c="----", d="+++"))
    models = {"models": ("a", "b")}
    assert verdict(accuracy, SOLVES | models).verdict == "supported"
    assert verdict(accuracy, SOLVES | {"models": ("a", "d")}).verdict == "undetermined"
    judged = verdict(accuracy, SOLVES | {"models": ("a", "c", "d")})
    assert judged.verdict == "contradicted"
    verdicts = [item.verdict for item in judged.evidence]
    assert verdicts == ["supported", "contradicted", "undetermined"]
    both = verdict(accuracy, SOLVES | models, FAILS | {"models": ("c",)})
    assert both.verdict == "supported" and len(both.evidence) == 3


def test_what_was_not_run_is_missing():
    accuracy = table(*runs(a="++++"))
    judged = verdict(accuracy, SOLVES | {"models": ("a", "z")})
    assert judged.verdict == "undetermined" and judged.missing == [("p", "z", "2-50")]
    judged = verdict(accuracy, SOLVES | {"tasks": ("q",)}, SOLVES | {"bins": (7, "1-3")})
    assert judged.verdict == "not tested" and len(judged.missing) == 3
    assert verdict(accuracy, {"statistic": "success_rate", "more_than": "z"}).evidence == []


def test_bins_are_counted_per_task():
    accuracy = table(
        *runs(a="----"), *runs(bin="51-100", a="++++"), *runs(task="q", bin="51-100", a="++++")
    )
    assert verdict(accuracy, SOLVES | {"bins": (1,)}).verdict == "supported"
    assert verdict(accuracy, SOLVES | {"bins": ("2-50",)}).verdict == "contradicted"
    assert verdict(accuracy, SOLVES | {"tasks": ("q",), "bins": (0,)}).verdict == "supported"


def test_a_run_that_diverged_counts_as_a_failure():
    rows = [("p", "a", s, "diverged", "2-50", None, float("nan")) for s in range(4)]
    assert verdict(table(*rows), FAILS).verdict == "supported"
