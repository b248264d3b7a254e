"""The findings say what the tables say, and no more."""

import pandas as pd
import pytest
import synthetic

from fwp.claims.claim import Claim, Criterion
from fwp.claims.evidence import CONTRADICTED, NOT_TESTED, SUPPORTED, UNDETERMINED, Evidence
from fwp.claims.judge import Judgement
from fwp.claims.verdicts import write_judgements
from fwp.report import findings
from fwp.report.html import render
from fwp.results.collect import collect_results, write_results
from fwp.results.summary import summarise, write_summary
from fwp.results.unfinished import write_unfinished
from fwp.status.closing import closing

CRITERION = Criterion(
    models=("lstm",), tasks=("parity",), bins=(1,), statistic="success_rate", at_least=0.5
)


def judged(verdict, more=0, text="The LSTM counts."):
    item = Evidence(
        criterion=CRITERION, task="parity", model="lstm", bin="51-100", verdict=verdict,
        threshold=0.99, reached=0, value=0.0, seeds=5, low=0.0, high=0.43,
    )  # fmt: skip
    evidence = [] if verdict == NOT_TESTED else [item]
    return Judgement(Claim("c", text, "paper", 0.95, (CRITERION,)), verdict, evidence, [], more)


def summary(rows):
    """A summary of the longest of two bins: model, task, solved of five seeds."""
    facts = {"seeds": 5, "best": 1.0, "worst": 1.0, "bin": "501-1000", "bin_index": 1}
    facts |= {"generalisation_median": 800.0, "generalisation_worst": 600}
    facts |= {"generalisation_best": 1000, "tested_length": 1000}
    return pd.DataFrame([facts | {"model": m, "task": t, "solved": s} for m, t, s in rows]).astype(
        {"model": "category", "task": "category"}
    )


def said(rows):
    return " ".join(findings.of_generalisation(summary(rows)))


def test_the_best_generaliser_with_its_interval_and_who_is_not_clearly_worse():
    text = said([("lstm", "parity", 5), ("srwm", "parity", 4), ("transformer", "parity", 0)])
    assert text.startswith(
        "LSTM solves the longest strings (501–1000) most often: 5 of 5 runs on Parity, every "
        "position right (95 % interval 57 to 100 %). Not clearly worse is SRWM (4 of 5)."
    )
    assert "LSTM, SRWM and Transformer get furthest on Parity" in text
    assert "up to length 800 (median of 5 seeds each)." in text
    text = said([("lstm", "parity", 5)])
    assert "LSTM gets furthest on Parity" in text
    assert "up to length 800 (median of 5 seeds, which reach 600 to 1000)." in text


def test_equals_share_the_first_place():
    text = said([(m, t, 5) for m in ("lstm", "srwm") for t in ("parity", "anbn")])
    assert text.startswith(
        "LSTM and SRWM solve the longest strings (501–1000) most often: 10 of 10"
    )
    assert "10 runs each on 2 tasks, every position right." in text
    assert "interval" not in text  # runs of several tasks are no sample of one rate


def test_the_next_one_is_named_if_it_is_clearly_worse():
    rows = [(m, t, s) for m, s in (("lstm", 5), ("srwm", 0)) for t in ("parity", "anbn")]
    assert "Next is SRWM, 0 of 10." in said(rows)


def test_where_nobody_generalises():
    text = said([("lstm", "parity", 0), ("srwm", "anbn", 0)])
    assert text.startswith("No run solves the longest strings (501–1000) of any task.")


def test_claims_are_counted_and_contradictions_quoted():
    claims = [judged(SUPPORTED), judged(CONTRADICTED), judged(UNDETERMINED, 2), judged(NOT_TESTED)]
    first, second = findings.of_claims(claims)
    assert first == (
        "Claims: 1 supported, 1 contradicted, 1 undetermined; 1 not tested, as cells are missing. "
        "2 more seeds with the same outcome would settle 1 of the undetermined ones."
    )
    assert second.startswith(
        "Contradicted: “The LSTM counts”. LSTM on Parity, 51–100: 0 of 5 seeds"
    )
    assert not [*findings.of_claims([judged(NOT_TESTED)])]


def test_seeds_that_disagree_are_named():
    frame = summary([("lstm", "parity", 2), ("srwm", "parity", 5)])
    assert [*findings.of_seeds(frame)] == [
        "Seeds agree: in no cell and bin are they more than 20 points apart."
    ]
    frame.loc[0, "worst"] = 0.25
    (text,) = findings.of_seeds(frame)
    assert text.startswith("In 1 of 2 cells, seeds lie more than 20 points apart")
    assert "LSTM on Parity, lengths 501–1000, 25.0 to 100 % right among 5 seeds" in text
    frame["seeds"] = 1
    assert not [*findings.of_seeds(frame)]  # one seed says nothing of others


def test_lost_and_diverged_runs_are_told():
    rows = [{"model": "lstm", "task": "parity", "seed": s, "state": "failed"} for s in (0, 1)]
    assert [*findings.of_lost(rows)] == ["2 runs have no results (2 failed): LSTM on Parity."]
    runs = pd.DataFrame({"model": ["lstm"] * 2, "task": "parity", "status": ["diverged", "budget"]})
    assert [*findings.of_diverged(runs)] == [
        "1 of 2 runs diverged and count as wrong: LSTM on Parity."
    ]


def text_row(model, bits, low, high, seeds=3):
    return {
        "task": "play", "model": model, "seeds": seeds, "bits_within": bits,
        "bits_within_low": low, "bits_within_high": high,
    }  # fmt: skip


def test_the_best_on_a_text_and_whose_intervals_overlap():
    frame = pd.DataFrame(
        [
            text_row("lstm", 2.1, 2.0, 2.2),
            text_row("srwm", 1.9, 1.8, 2.05),
            text_row("gru", 3, 2.9, 3),
        ]
    )
    assert [*findings.of_texts(frame)] == [
        "SRWM is best on play: 1.900 bits per byte within the context (mean of 3 seeds, 95 % "
        "interval 1.800 to 2.050). The interval of LSTM overlaps with it."
    ]
    alone = pd.DataFrame([text_row("lstm", 2.1, None, None, seeds=1)])
    assert "of one seed, so that nothing is known of chance" in next(findings.of_texts(alone))


def test_they_are_written_for_the_report(tmp_path):
    found = collect_results(synthetic.write_grid(tmp_path / "cells", tasks=["parity", "anbn"]))
    tables, output = tmp_path / "tables", tmp_path / "findings.md"
    write_results(found, tables)
    write_unfinished([], tables / "missing.csv")
    write_summary(summarise(found), tables)
    write_judgements([judged(CONTRADICTED, text="<b> counts.")], tables / "claims.json")
    synthetic.seal_tables(tables)
    findings.write(tmp_path, output, strings=True, texts=False)
    sentences = findings.read(output)
    assert sentences[0] == "Claims: 1 contradicted."
    assert any("longest strings" in sentence for sentence in sentences)
    html = render("findings.html.j2", findings=sentences)
    assert html.count("<li>") == len(sentences) and "&lt;b&gt; counts" in html
    assert render("findings.html.j2", findings=findings.read(tmp_path / "none")).strip() == ""


@pytest.mark.parametrize("count", [0, 2, 5])
def test_a_run_ends_with_three_of_them_and_the_files(tmp_path, count):
    path = tmp_path / "findings.md"
    path.write_text("".join(f"- Finding {i} {'word ' * 30}\n" for i in range(count)))
    text = closing(path, ["results/report.html"])
    assert text.endswith("Done. Open:\n  results/report.html")
    assert text.count("- Finding") == min(3, count)
    assert (f"(2 more in {path})" in text) == (count == 5)
    assert max(map(len, text.replace(str(path), "").splitlines())) <= 80
    assert closing(path, []) == ""
    assert closing(None, ["a"]) == "\nDone. Open:\n  a"
