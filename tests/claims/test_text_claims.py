"""Claims about losses on texts and scores of translations."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import synthetic
import synthetic_text

from fwp.claims.claim import Claim, Criterion, locate, read_claims
from fwp.claims.judge import judge
from fwp.claims.texts import Texts
from fwp.claims.verdicts import read_judgements, write_judgements
from fwp.report.tables import claims as tables
from fwp.report.tables.evidence import cell, claimed, found, verdicts
from fwp.results.frames import ACCURACY, empty
from fwp.results.text import collect_text

NONE = empty(ACCURACY)
BITS = {"statistic": "bits_per_byte", "positions": ("context",)}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grid")
    texts, _ = synthetic_text.write_texts(
        folder, models=("linear_transformer", "deltanet", "gated_deltanet", "srwm")
    )
    texts.append(
        synthetic_text.write_text_cell(
            folder, "shakespeare", "lstm", [0, 1, 2], diverged=(1,), lost=(1,)
        )
    )
    texts.append(synthetic_text.write_text_cell(folder, "shakespeare", "gru", [0]))
    models = ("linear_transformer", "deltanet")
    pairs = [
        synthetic_text.write_translation_cell(folder / "cells", "kjv", model, [0, 1, 2])
        for model in models
    ]
    return collect_text(texts, pairs)


def verdict(results, *criteria, accuracy=NONE, confidence=0.95):
    made = tuple(
        Criterion(**{"models": ("deltanet",), "tasks": ("shakespeare",), "bins": ()} | criterion)
        for criterion in criteria
    )
    (judged,) = judge([Claim("c", "text", "", confidence, made)], accuracy, texts=results)
    return judged


def value(results, statistic, positions, task="shakespeare", model="deltanet"):
    criterion = {"statistic": statistic, "positions": (positions,), "below": 1e9}
    (item,) = verdict(results, criterion | {"tasks": (task,), "models": (model,)}).evidence
    return item


@pytest.mark.parametrize(
    ("positions", "first", "last", "place"),
    [
        ("context", 1, 256, "positions 1-256"),
        ("beyond", 257, 4096, "positions 257-4096"),
        ("all", 1, 4096, "positions 1-4096"),
        ("3-8", 3, 8, "positions 3-8"),
    ],
)
def test_statistics_are_weighted_means_over_the_positions(results, positions, first, last, place):
    rows = results.text[(results.text["task"] == "source") & (results.text["model"] == "deltanet")]
    rows = rows[(rows["first"] >= first) & (rows["last"] <= last)]
    sums = rows.assign(nats=rows["nats"] * rows["tokens"], ideal=rows["ideal"] * rows["tokens"])
    sums = sums.groupby("seed")[["nats", "ideal", "tokens", "bytes"]].sum()
    nats = sums["nats"] / sums["tokens"]
    known = {
        "bits_per_byte": sums["nats"] / math.log(2) / sums["bytes"],
        "nats_per_token": nats,
        "perplexity": np.exp(nats),
        "excess": nats - sums["ideal"] / sums["tokens"],
    }
    for statistic, expected in known.items():
        item = value(results, statistic, positions, task="source")
        assert item.value == pytest.approx(expected.mean())
        assert (item.seeds, item.bin) == (3, place)


def test_a_threshold_is_compared_with_the_interval_of_the_mean(results):
    mean = value(results, "bits_per_byte", "context").value
    for limit, below in ((mean + 0.3, "supported"), (mean - 0.3, "contradicted")):
        judged = verdict(results, BITS | {"below": limit}, confidence=0.9)
        assert judged.verdict == below
        opposite = verdict(results, BITS | {"at_least": limit}, confidence=0.9)
        assert {judged.verdict, opposite.verdict} == {"supported", "contradicted"}
    undecided = verdict(results, BITS | {"below": mean + 1e-4})
    (item,) = undecided.evidence
    assert undecided.verdict == "undetermined" and item.low < mean < item.high
    assert item.as_claimed and (undecided.more is None or undecided.more > 1)
    assert claimed(item).startswith("bits per byte below 2.")


def test_one_model_is_compared_with_another_by_the_interval_of_the_difference(results):
    lower = BITS | {"lower_than": "linear_transformer"}
    judged = verdict(results, lower)
    (item,) = judged.evidence
    assert judged.verdict == "supported" and item.p < 0.05 and not judged.anytime
    assert item.low < item.difference < item.high < 0
    assert item.difference == pytest.approx(item.value - item.other_value)
    assert verdict(results, lower | {"margin": -item.high * 0.9}).verdict == "supported"
    assert verdict(results, lower | {"margin": -item.difference}).verdict == "undetermined"
    assert verdict(results, lower | {"margin": 2.0}).verdict == "contradicted"
    turned = {"models": ("linear_transformer",), "lower_than": "deltanet"}
    assert verdict(results, BITS | turned).verdict == "contradicted"
    higher = BITS | {"models": ("linear_transformer",), "higher_than": "deltanet", "margin": 0.01}
    assert verdict(results, higher).verdict == "supported"
    assert claimed(item) == "bits per byte below that of Linear Transformer"
    words = found(item)
    assert f"{item.value:.3f} against {item.other_value:.3f} of Linear Transformer" in words
    assert "(3 seeds and 3 seeds)" in words and f"difference −{-item.difference:.3f}" in words
    assert cell(item) == "DeltaNet on shakespeare, positions 1–256"


def test_a_single_seed_is_undetermined(results):
    for criterion in ({"below": 99.0}, {"lower_than": "linear_transformer"}):
        judged = verdict(results, BITS | criterion | {"models": ("gru",)})
        (item,) = judged.evidence
        assert judged.verdict == "undetermined" and math.isnan(item.low)
        assert "a single seed has no interval" in found(item)
        assert found(item).endswith("it takes at least 1 more")


def test_a_run_that_diverged_counts_against_its_model(results):
    item = value(results, "bits_per_byte", "context", model="lstm")
    alone = Texts(results).values(item.criterion, "shakespeare", "lstm", "context")
    assert alone is not None and sorted(alone.numbers)[-1] == pytest.approx(8)  # bits per byte
    assert (item.diverged, item.seeds) == (1, 3)
    assert "1 of 3 seeds of LSTM diverged, counted as a uniform guess of bytes" in found(item)
    judged = verdict(results, BITS | {"lower_than": "lstm"})
    assert judged.verdict == "undetermined" and judged.evidence[0].other_diverged == 1


def test_translations_are_compared_by_their_scores(results):
    for statistic in ("bleu", "chrf"):
        score = {"statistic": statistic, "tasks": ("kjv",), "higher_than": "linear_transformer"}
        judged = verdict(results, score)
        (item,) = judged.evidence
        assert judged.verdict == "supported" and item.bin == "beam 4" and item.difference > 0
        assert verdict(results, score | {"decoding": "greedy"}).evidence[0].bin == "greedy"
    rows = results.translation
    lost = (rows["seed"] == 1) & (rows["model"] == "deltanet")
    broken = results._replace(translation=rows.assign(bleu=rows["bleu"].mask(lost)))
    (item,) = verdict(broken, score | {"statistic": "bleu"}).evidence
    assert item.diverged == 1 and "diverged, counted as 0" in found(item)


def test_what_was_not_measured_is_not_tested(results):
    for criterion in (
        {"statistic": "excess"},  # of a text whose source is unknown
        {"positions": ("3-9",)},  # rows end at 8 and at 16
        {"positions": ("4097-8192",)},
        {"models": ("transformer",)},
        {"tasks": ("bible",)},
        {"statistic": "bleu"},
    ):
        judged = verdict(results, BITS | {"below": 9.0} | criterion)
        assert (judged.verdict, len(judged.missing)) == ("not tested", 1)
    judged = verdict(results, BITS | {"lower_than": "transformer"})
    assert judged.verdict == "not tested"
    lacking = "such as Transformer on shakespeare, positions within the context"
    assert lacking in verdicts([judged], width=200)
    assert verdict(None, BITS | {"below": 9.0}).verdict == "not tested"


def test_a_star_stands_for_every_text_of_the_results(results):
    lower = BITS | {"tasks": ("*",), "lower_than": "linear_transformer"}
    judged = verdict(results, lower)
    assert [item.task for item in judged.evidence] == ["shakespeare", "source"]
    scores = {"statistic": "bleu", "tasks": ("*",), "higher_than": "linear_transformer"}
    assert [item.task for item in verdict(results, scores).evidence] == ["kjv"]
    none = verdict(None, lower)
    assert none.verdict == "not tested" and "DeltaNet on any task" in verdicts([none])


def test_claims_of_strings_and_texts_mix(results, tmp_path):
    accuracy = synthetic.table(*synthetic.runs(deltanet="++++"))
    solves = {"tasks": ("p",), "bins": (0,), "statistic": "success_rate", "at_least": 0.5}
    lower = BITS | {"lower_than": "linear_transformer"}
    assert verdict(results, solves, lower, accuracy=accuracy).verdict == "supported"
    assert verdict(None, solves, lower, accuracy=accuracy).verdict == "undetermined"
    every = read_claims([locate(name) for name in ("schlag2021_text", "irie2023")])
    judged = judge(every, accuracy, texts=results)
    write_judgements(judged, tmp_path / "claims.json")
    synthetic.seal_tables(tmp_path)
    assert repr(read_judgements(tmp_path / "claims.json")) == repr(judged)
    files = {name: tmp_path / f"out.{name}" for name in ("csv", "markdown", "html")}
    tables.write_claims(judged, results.runs, **files)
    frame = pd.read_csv(files["csv"]).set_index("claim")
    rows = frame.loc["forgetting-helps-beyond-the-context"]
    assert set(rows["verdict"]) == {"supported"} and set(rows["model"]) == {
        "deltanet",
        "gated_deltanet",
    }
    assert (rows["difference"] < 0).all() and rows["reached"].isna().all()
    assert (rows["bin"] == "positions 257-4096").all()
    assert "Welch's interval" in files["markdown"].read_text()


def test_settings_of_a_search_are_counted(results):
    trials = pd.DataFrame(
        {"task": "shakespeare", "model": "deltanet", "trial": [0, 1], "seed": 7, "status": "budget"}
    )
    claim = Claim(
        "c",
        "text",
        "",
        0.95,
        (
            replace(
                Criterion(("deltanet",), ("shakespeare",), (), "bits_per_byte", below=9.0),
                positions=("context",),
            ),
        ),
    )
    (judged,) = judge([claim], NONE, trials, results)
    assert found(judged.evidence[0]).endswith("; chosen from 2 settings")
