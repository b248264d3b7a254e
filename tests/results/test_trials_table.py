"""Trials of searches: joining and checking their tables, and what they amount to."""

import re

import numpy as np
import pandas as pd
import pytest
import synthetic

from fwp.results import trial_statistics as statistics
from fwp.results.integrity import ResultsError
from fwp.results.trials import (
    bins_of,
    collect_trials,
    read_trials,
    settings_of,
    write_trials,
)

HEAD = "task,model,trial,seed,hidden," + synthetic.OUTCOMES


def write(folder, *rows, task="parity", model="mine", head=HEAD):
    """A trials.csv; rows are (trial, seed, width, status, accuracies, chosen)."""
    path = folder / "search" / task / model / "trials.csv"
    path.parent.mkdir(parents=True)
    lines = [
        f"{task},{model},{trial},{seed},{hidden},100,,{status},9,4,{','.join(shares)},0.5,1.5,{best}"
        for trial, seed, hidden, status, shares, best in rows
    ]
    path.write_text("\n".join([head, *lines, ""]))
    return path


def shares(first, second, inductive=0.1, expressive=0.9):
    """Accuracies of a run as texts: their mean, both bins, and FLaRe's."""
    return tuple(f"{x:g}" for x in ((first + second) / 2, first, second, inductive, expressive))


LOST = ("",) * 5


@pytest.fixture
def four(tmp_path):
    """Four trials of two seeds; one run of the last diverged."""
    rows = [
        (0, 10, 32, "budget", shares(1, 0.5, 0.2, 0.6), False),
        (0, 11, 32, "budget", shares(1, 0.7, 0.4, 0.7), False),
        (1, 10, 64, "solved", shares(1, 1, 0.9, 1), True),
        (1, 11, 64, "budget", shares(1, 0.98, 0.7, 0.99), True),
        (2, 10, 32, "pruned", shares(0.4, 0, 0, 0), False),
        (2, 11, 32, "pruned", shares(0.2, 0, 0, 0), False),
        (3, 10, 64, "budget", shares(1, 1, 0.8, 1), False),
        (3, 11, 64, "diverged", LOST, False),
    ]
    return collect_trials([write(tmp_path, *rows)])


# Tables -------------------------------------------------------------------------------------------


def test_trials_of_all_searches_are_joined_in_order(tmp_path):
    paths = synthetic.write_search(tmp_path, ["srwm", "lstm"], ["parity", "anbn"], trials=3)
    trials = collect_trials(paths)
    assert len(trials) == 12 and trials["trial"].tolist() == 4 * [0, 1, 2]
    assert list(trials["model"].cat.categories) == ["srwm", "lstm"]
    assert list(trials["task"].cat.categories) == ["parity", "anbn"]
    assert settings_of(trials) == list(synthetic.SEARCHED)
    assert bins_of(trials) == ["accuracy 2-50", "accuracy 51-100"]
    assert trials["chosen"].sum() == 4


def test_a_setting_that_a_model_lacks_is_empty(tmp_path):
    trials = collect_trials(synthetic.write_search(tmp_path, ["srwm", "lstm"], ["parity"]))
    lacks = trials["heads"].isna()
    assert set(trials.loc[lacks, "model"]) == {"lstm"} and set(trials["heads"].dropna()) == {2, 4}


def test_columns_of_searches_with_other_settings_and_bins_are_united(tmp_path):
    one = write(tmp_path, (0, 1, 32, "budget", shares(1, 1), True))
    other = write(
        tmp_path, (0, 1, "cosine", "budget", shares(1, 1), True), task="anbn",
        head=HEAD.replace("hidden", "training.schedule").replace("51-100", "204-400"),
    )  # fmt: skip
    trials = collect_trials([one, other])
    assert settings_of(trials) == ["hidden", "training.schedule"]
    assert bins_of(trials) == ["accuracy 2-50", "accuracy 51-100", "accuracy 204-400"]
    assert trials["hidden"].tolist() == [32, pd.NA]
    assert trials["training.schedule"].fillna("").tolist() == ["", "cosine"]
    assert bins_of(trials[trials["task"] == "anbn"]) == ["accuracy 2-50", "accuracy 204-400"]


def test_settings_are_whole_numbers_numbers_or_texts(tmp_path):
    trials = collect_trials(synthetic.write_search(tmp_path, ["srwm"], ["parity"]))
    kinds = [trials[name].dtype.kind for name in ("training.learning_rate", "hidden")]
    assert kinds == ["f", "i"] and trials["training.schedule"].iloc[0] in ("constant", "cosine")


def test_a_setting_tried_as_null_says_so(tmp_path):
    rows = [(i, 1, clip, "budget", shares(1, 1), i == 0) for i, clip in enumerate(("", "1.0"))]
    path = write(tmp_path, *rows, head=HEAD.replace("hidden", "training.clip"))
    other = write(tmp_path, (0, 1, 32, "budget", shares(1, 1), True), model="other")
    clips = collect_trials([path, other])["training.clip"]
    assert clips.fillna("missing").tolist() == ["null", "1.0", "missing"]


def test_written_trials_read_back_the_same(tmp_path):
    trials = collect_trials(synthetic.write_search(tmp_path, ["srwm", "lstm"], ["parity"], seeds=2))
    write_trials(trials, tmp_path / "trials.csv")
    synthetic.seal_tables(tmp_path)
    pd.testing.assert_frame_equal(read_trials(tmp_path / "trials.csv"), trials)


def test_changed_trials_are_refused(tmp_path, four):
    write_trials(four, tmp_path / "trials.csv")
    synthetic.seal_tables(tmp_path)
    text = (tmp_path / "trials.csv").read_text()
    (tmp_path / "trials.csv").write_text(text.replace("0.98", "0.97"))
    with pytest.raises(ResultsError, match="has changed since it was written"):
        read_trials(tmp_path / "trials.csv")


@pytest.mark.parametrize(
    ("pattern", "replacement", "message"),
    [
        ("trial,seed", "trail,seed", "no column 'trial'"),
        (",hidden,", ",hid den,", "unknown column 'hid den'; a setting is named like"),
        (",hidden,", ",loss,", "two columns 'loss'"),
        ("accuracy 2-50", "accuracy 50-2", "unknown column 'accuracy 50-2'"),
        ("budget", "finished", "status is solved, budget, diverged or pruned; line 2 has status f"),
        ("parity,mine,0,10", "parity,mine,0.5,10", "trial is a whole number; line 2 has trial 0.5"),
        ("parity,mine,0,10", "parity,mine,,10", "trial must not be empty; line 2 has trial empty"),
        ("parity,mine,0,10", "parity,mine,0,11", "a trial has one row per seed; line 3"),
        ("parity,mine,0,10", "anbn,mine,0,10", "has trials of the task 'anbn', and lies in parity"),
        ("parity,mine,0,10", "parity,my,0,10", "has trials of the model 'my', and lies in parity"),
        ("0,10,32", "0,10,48", "seeds of a trial differ; line 2 has hidden 48"),
        ("0.75,1", "1.75,1", "accuracies lie between 0 and 1; line 2 has selection 1.75"),
        ("0.75,1", "much,1", "selection is a number; line 2 has selection much"),
        ("0.75,1", "inf,1", "selection is a number; line 2 has selection inf"),
        ("0.75,1", ",1", "only a diverged trial may have no accuracy; line 2 has selection empty"),
        ("0.75,1,0.5", "0.75,1,half", "accuracies are numbers; line 2 has accuracy 51-100 half"),
        ("1.5,False", "1.5,no", "chosen is True or False; line 2 has chosen no"),
        ("1.5,False", "1.5,True", "one trial of mine on parity is chosen; here 2 are"),
        ("1.5,True", "1.5,False", "one trial of mine on parity is chosen; here 0 are"),
        (r"\n$", "", "the last line is cut short"),
        (r"^[\s\S]*$", "", "the file is empty"),
        (r"\n[\s\S]*$", "\n", "has no trials"),
    ],
)
def test_what_a_table_cannot_hold_is_named(tmp_path, pattern, replacement, message):
    path = write(
        tmp_path,
        (0, 10, 32, "budget", shares(1, 0.5), False),
        (0, 11, 32, "budget", shares(1, 0.7), False),
        (1, 10, 64, "solved", shares(1, 1), True),
    )
    if replacement == "1.5,True":
        pattern = rf"{pattern}(\n[^\n]*){pattern}"
        replacement = rf"{replacement}\g<1>{replacement}"
    path.write_text(re.sub(pattern, replacement, path.read_text(), count=1))
    with pytest.raises(ResultsError, match=re.escape(message)) as raised:
        collect_trials([path])
    assert str(raised.value).startswith(f"{path}: ") and "makes it again" in str(raised.value)


def test_no_searches_and_repeated_ones_are_refused(tmp_path):
    with pytest.raises(ResultsError, match="no trials to collect"):
        collect_trials([])
    path = write(tmp_path, (0, 10, 32, "budget", shares(1, 0.5), True))
    with pytest.raises(ResultsError, match="two of the files are of the same model and task"):
        collect_trials([path, path])
    with pytest.raises(ResultsError, match="the file is missing"):
        collect_trials([tmp_path / "parity/mine/trials.csv"])


# Statistics ---------------------------------------------------------------------------------------


def test_a_trial_is_the_mean_over_its_seeds(four):
    found = statistics.by_trial(four)
    assert found["selection"].tolist() == pytest.approx([0.8, 0.995, 0.15, 0.5])
    assert found["accuracy 51-100"].tolist() == pytest.approx([0.6, 0.99, 0, 0.5])
    assert found["hidden"].tolist() == [32, 64, 32, 64]
    assert found["seeds"].tolist() == [2] * 4
    assert found["diverged"].tolist() == [0, 0, 0, 1]
    assert found["pruned"].tolist() == [0, 0, 2, 0]
    assert found["seconds"].tolist() == [3.0] * 4


def test_a_run_that_diverged_counts_as_nothing_even_with_accuracies(tmp_path):
    rows = [
        (0, 1, 32, "budget", shares(0.1, 0.1), True),
        (1, 2, 32, "diverged", shares(1, 1, 1, 1), False),
    ]
    trials = collect_trials([write(tmp_path, *rows)])
    assert statistics.by_trial(trials)["selection"].tolist() == [0.1, 0]
    summary = statistics.summarise_search(trials).iloc[0]
    assert summary["inductive_bias"] == 0.05 and summary["expressivity"] == 0.9


def test_the_expected_best_of_k():
    """Of 0.2 and 0.6 with equal chance, the best of k is 0.2 with probability 1/2^k."""
    found = statistics.expected_best([0.6, 0.2])
    assert found["k"].tolist() == [1, 2]
    assert found["mean"].tolist() == pytest.approx([0.4, 0.5])
    assert found["low"].tolist() == [0.2, 0.2] and found["high"].tolist() == [0.6, 0.6]


def test_the_expected_best_is_that_of_drawing():
    values = np.array([0.0, 0.3, 0.3, 0.8, 1.0])
    found = statistics.expected_best(values)
    drawn = np.random.default_rng(0).choice(values, (20_000, 5))
    for k in (1, 2, 5):
        best = drawn[:, :k].max(axis=1)
        row = found.iloc[k - 1]
        assert row["mean"] == pytest.approx(best.mean(), abs=0.01)
        assert [row["low"], row["high"]] == np.quantile(best, [0.25, 0.75]).tolist()
    assert found["mean"].is_monotonic_increasing and found["mean"].iloc[-1] < 1


def test_equal_trials_have_their_accuracy_as_best():
    assert statistics.expected_best([0.7] * 4)["mean"].tolist() == pytest.approx([0.7] * 4)


@pytest.mark.parametrize("values", [[], [0.5, float("nan")]])
def test_an_expected_best_needs_accuracies(values):
    with pytest.raises(ValueError, match="needs trials"):
        statistics.expected_best(values)


def test_the_expected_best_of_every_search(four):
    found = statistics.best_of(four)
    assert found["k"].tolist() == [1, 2, 3, 4] and set(found["model"]) == {"mine"}
    assert found["mean"].iloc[0] == pytest.approx((0.8 + 0.995 + 0.15 + 0.5) / 4)


def test_a_search_is_summarised(four):
    row = statistics.summarise_search(four).iloc[0]
    assert (row["trials"], row["diverged"], row["pruned"], row["seeds_per_trial"]) == (4, 1, 1, 2)
    assert (row["trial"], row["hidden"], row["parameters"]) == (1, 64, 100)
    assert row["validation"] == pytest.approx(0.995)
    assert row["validation_median"] == pytest.approx(0.65)
    assert (row["reached 2-50"], row["reached 51-100"]) == (2, 1)
    assert row["inductive_bias"] == pytest.approx((0.2 + 0.4 + 0.9 + 0.7 + 0.8) / 8)
    assert row["expressivity"] == 1
    assert pd.isna(row["seeds"]) and pd.isna(row["first_median"])


def test_accuracies_of_fresh_seeds_are_medians_on_two_bins(four):
    rows = [
        ("parity", "mine", seed, "budget", bin, None, share)
        for bin, values in (("2-50", (1, 0.9, 0.2)), ("51-100", (0.5, 0.4, 0)), ("101-200", (0,)))
        for seed, share in enumerate(values)
    ]
    accuracy = synthetic.table(*rows, bins=("2-50", "51-100", "101-200"))
    row = statistics.summarise_search(four, accuracy).iloc[0]
    assert (row["seeds"], row["first_bin"], row["second_bin"]) == (3, "2-50", "51-100")
    assert (row["first_median"], row["second_median"]) == (0.9, 0.4)
