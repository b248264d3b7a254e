"""Claims on the outcome of a search: how many settings would say the same."""

import json

import pandas as pd
import pytest
import synthetic
from synthetic import runs, table

from fwp.claims.claim import Claim, Criterion
from fwp.claims.judge import judge
from fwp.claims.verdicts import read_judgements, write_judgements
from fwp.report.tables.claims import note, write_claims
from fwp.report.tables.evidence import found, reasons
from fwp.results.trials import collect_trials, read_trials, write_trials

FAILS = {"statistic": "success_rate", "accuracy": 0.99, "below": 0.5}
SOLVES = {"statistic": "success_rate", "accuracy": 0.99, "at_least": 0.5}


def searched(*, task="p", model="a", bin="2-50", pruned=0, **trials):
    """Rows of a search; a trial is given as the accuracies of its seeds, on validation strings."""
    return [
        {
            "task": task,
            "model": model,
            "trial": trial,
            "seed": 4_000_000_000 + trial + 100_000 * j,
            "status": "pruned" if trial < pruned else "budget",
            f"accuracy {bin}": accuracy,
        }
        for trial, accuracies in enumerate(trials.values())
        for j, accuracy in enumerate(accuracies)
    ]


def search(reached, settings=24, seeds=1, **facts):
    """Rows of a search in which so many of so many settings reach 100 %."""
    trials = {f"t{i}": [1.0 if i < reached else 0.4] * seeds for i in range(settings)}
    return searched(**facts, **trials)


def weigh(accuracy, rows, criterion, **places):
    """The judgement of a claim on a task "p"; places: models, bins."""
    places = {"models": ("a",), "tasks": ("p",), "bins": (0,)} | places
    criteria = tuple(Criterion(**places | one) for one in [criterion])
    (judged,) = judge([Claim("c", "text", "", 0.95, criteria)], accuracy, pd.DataFrame(rows))
    return judged


def said(fresh, rows, criterion=FAILS, **places):
    (item,) = weigh(table(*runs(a=fresh)), rows, criterion, **places).evidence
    return item.verdict, found(item).split("; ", 1)[1]


def test_no_setting_reaches_what_the_claim_denies():
    expected = "reached in none of 24 settings × 2 seeds"
    assert said("-----", search(0, seeds=2)) == ("supported", expected)
    early = search(0, pruned=16)
    expected = "reached in none of 24 settings × 1 seed (16 stopped early)"
    assert said("-----", early) == ("supported", expected)


def test_a_setting_that_was_not_chosen_is_told_apart_from_none():
    only = "1 of 24 settings reached it on validation strings, the chosen one does not with fresh "
    assert said("-----", search(1)) == ("supported", f"{only}seeds")
    assert said("-----", search(1), SOLVES) == ("contradicted", f"{only}seeds")
    none = "reached in none of 24 settings × 1 seed"
    assert said("-----", search(0), SOLVES) == ("contradicted", none)


def test_a_tuned_model_that_does_it_is_told_apart_from_one_that_always_does():
    for reached in (7, 24):
        text = f"reached by {reached} of 24 settings on validation strings"
        assert said("+++++", search(reached), SOLVES) == ("supported", text)
    text = "reached by none of 24 settings on validation strings"
    assert said("+++++", search(0), SOLVES) == ("supported", text)


def test_what_was_validated_on_other_lengths_is_not_counted():
    (item,) = weigh(table(*runs(a="-----")), search(24, bin="2-40"), FAILS).evidence
    assert (item.settings, item.settings_reached) == (24, None)
    text = "chosen from 24 settings, none of them validated on these lengths"
    assert found(item).endswith(text)
    # Another task has validation strings of these lengths.
    rows = search(24, bin="2-40") + search(24, task="q")
    (item,) = weigh(table(*runs(a="-----")), rows, FAILS).evidence
    assert item.settings_reached is None


def test_a_setting_reaches_a_threshold_by_the_mean_over_its_seeds():
    rows = searched(high=[0.99, 0.99, 0.99], mean=[1.0, 1.0, 0.98], low=[1.0, 1.0, 0.5])

    def reached(**criterion):
        (item,) = weigh(table(*runs(a="-----")), rows, criterion).evidence
        assert (item.settings, item.settings_seeds) == (3, 3)
        return item.settings_reached

    assert reached(**SOLVES) == 2
    assert reached(**FAILS | {"accuracy": 1.0}) == 0
    assert reached(statistic="median", at_least=0.8) == 3
    assert reached(statistic="best", at_least=1.0) == 2  # any seed
    nan = searched(diverged=[float("nan"), 1.0], fine=[1.0, 1.0])
    (item,) = weigh(table(*runs(a="-----")), nan, SOLVES).evidence
    assert item.settings_reached == 1
    nan[2] |= {"status": "diverged"}  # whatever it had reached before
    (item,) = weigh(table(*runs(a="-----")), nan, SOLVES).evidence
    assert item.settings_reached == 0


def test_a_cell_has_the_search_of_its_own_model_and_task():
    rows = search(3, settings=4) + search(2, settings=5, model="b") + search(1, task="q")
    both = weigh(table(*runs(a="+", b="+", c="+")), rows, SOLVES, models=("a", "b", "c"))
    counts = [(item.settings, item.settings_reached) for item in both.evidence]
    assert counts == [(4, 3), (5, 2), (0, None)]
    assert "1 of 3 cells: one setting, not searched" in reasons(both)


def test_a_claim_of_several_cells_says_how_many_settings_reach_each():
    accuracy = table(*runs(a="+++++", b="+++++", c="-----"))
    rows = search(3) + search(20, model="b") + search(0, model="c", pruned=22)
    start = "Settings that reach the threshold on validation strings: "
    both = weigh(accuracy, rows[:48], SOLVES, models=("a", "b"))
    assert f"{start}3 to 20 of 24" in reasons(both)
    one = Criterion(("a", "b"), ("p",), (0,), **SOLVES)
    two = Criterion(("c",), ("p",), (0,), **FAILS)
    (judged,) = judge([Claim("c", "", "", 0.95, (one, two))], accuracy, pd.DataFrame(rows))
    expected = (
        f"{start}3 to 20 of 24 where they should, "
        "in none of 24 settings × 1 seed where they should not (up to 22 of them stopped early)"
    )
    assert judged.verdict == "supported" and expected in reasons(judged)


def test_a_claim_on_a_share_says_how_many_settings_were_tried():
    accuracy = table(*runs(a="+++++", b="-----"))
    rows = search(3) + search(0, model="b")
    share = Criterion(("a", "b"), ("p",), (0,), **SOLVES, share_at_least=0.5)
    further = Criterion(("b",), ("p",), (0,), **SOLVES)
    (judged,) = judge([Claim("c", "", "", 0.95, (share, further))], accuracy, pd.DataFrame(rows))
    first, cell, settings = reasons(judged)
    assert first == "1 of 2 cells are as claimed (1 not); the claim is at least 50 %"
    assert cell.startswith("b on p, 2–50: 0 of 5 seeds")  # of the other criterion
    assert settings == "Settings that reach the threshold on validation strings: 0 to 3 of 24"
    length = Criterion(("a",), ("p",), (), "generalisation", at_least=50)
    lengths = pd.concat([accuracy, accuracy.assign(length=50)])
    (judged,) = judge([Claim("c", "", "", 0.95, (length,))], lengths, pd.DataFrame(rows))
    assert "5 seeds; chosen from 24 settings; 1 more" in found(judged.evidence[0])


def test_only_claims_without_a_search_are_of_one_setting(tmp_path):
    accuracy = table(*runs(a="-----"))
    alone = weigh(accuracy, search(0, model="b"), FAILS)
    assert "one setting, not searched" in note([alone])
    assert not any("setting" in line for line in reasons(alone))
    tuned = weigh(accuracy, search(0), FAILS)
    assert "not searched" not in note([tuned, alone]) and "fresh seeds" in note([tuned, alone])
    write_claims([tuned], _runs(), markdown=tmp_path / "claims.md")
    text = (tmp_path / "claims.md").read_text()
    assert "reached in none of 24 settings × 1 seed" in text and "Settings were chosen" in text


def _runs():
    return pd.DataFrame({"task": ["p"], "model": ["a"], "cell": ["p/a/seeds-0-4"]})


def test_counts_are_in_the_files_and_old_files_are_read(tmp_path):
    accuracy = table(*runs(a="-" * 8))
    judged = [
        weigh(accuracy, search(1, seeds=2, pruned=3), FAILS),
        weigh(table(*runs(a="+++")), search(0, model="b"), SOLVES),
    ]
    write_claims(judged, _runs(), csv=tmp_path / "claims.csv")
    frame = pd.read_csv(tmp_path / "claims.csv")
    counts = frame[["settings", "settings_reached", "settings_seeds", "settings_pruned"]]
    assert counts.iloc[0].tolist() == [24, 1, 2, 3] and counts.iloc[1].isna().all()
    assert frame["anytime"].isna().tolist() == [False, True] and frame["anytime"][0]
    path = tmp_path / "claims.json"
    write_judgements(judged, path)
    synthetic.seal_tables(tmp_path)
    # By what they show: from Python 3.13, NaN in a data class is not equal to itself.
    assert list(map(repr, read_judgements(path))) == list(map(repr, judged))

    entries = json.loads(path.read_text())
    for entry in entries:
        del entry["more"]
        for item in entry["evidence"]:
            for key in [key for key in item if key.startswith("settings")] + ["anytime"]:
                del item[key]
    path.write_text(json.dumps(entries))
    synthetic.seal_tables(tmp_path)
    first, second = read_judgements(path)
    assert (first.evidence[0].settings, first.evidence[0].settings_reached) == (0, None)
    assert (first.anytime, first.more, second.more) == (False, 0, 1)


@pytest.mark.parametrize(("seeds", "holds"), [(8, True), (5, False)])
def test_a_claim_says_that_it_holds_if_seeds_are_added(seeds, holds, tmp_path):
    judged = weigh(table(*runs(a="-" * seeds)), search(0), FAILS)
    assert judged.verdict == "supported"
    assert ("Also holds if seeds are added until it fits" in reasons(judged)) == holds
    write_claims([judged], _runs(), html=tmp_path / "claims.html")
    page = (tmp_path / "claims.html").read_text()
    assert page.count("Also holds if seeds are added until it fits") == holds


def test_the_table_of_a_search_is_read(tmp_path):
    paths = [
        synthetic.write_trials(tmp_path, "p", model, trials=9, seeds=2, pruned=4)
        for model in ("a", "b")
    ]
    found = collect_trials(paths)
    write_trials(found, tmp_path / "trials.csv")
    synthetic.seal_tables(tmp_path)
    accuracy = table(*runs(a="-----", b="-----", c="-----"))
    rows = read_trials(tmp_path / "trials.csv")
    judged = weigh(accuracy, rows, SOLVES | {"accuracy": 0.3}, models=("a", "b", "c"))
    best = rows[rows["model"] == "a"].fillna({"accuracy 2-50": 0}).groupby("trial")["accuracy 2-50"]
    first, second, third = judged.evidence
    assert first.settings_reached == (best.mean() >= 0.3).sum() > 0
    assert (first.settings, first.settings_seeds, third.settings) == (9, 2, 0)
    assert first.settings_pruned == second.settings_pruned == 4
