"""Claims as tables and pages."""

import re

import pandas as pd
import pytest
import synthetic

from fwp.claims.claim import Claim, Criterion, locate, read_claims
from fwp.claims.judge import judge
from fwp.report.html import render
from fwp.report.tables import evidence
from fwp.report.tables.claims import table, write_claims
from fwp.report.tables.evidence import decisive, verdicts
from fwp.results.collect import collect_results


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    cells = synthetic.write_grid(
        tmp_path_factory.mktemp("grid"), tasks=synthetic.TASKS[:-1], seeds=range(4)
    )
    return collect_results(cells)


@pytest.fixture(scope="module")
def judgements(found):
    every = read_claims([locate(name) for name in ("irie2023", "sarrof2024")])
    return judge(every, found.accuracy)


def test_every_cell_of_every_claim_is_in_the_csv(found, judgements, tmp_path):
    write_claims(judgements, found.runs, csv=tmp_path / "claims.csv")
    frame = pd.read_csv(tmp_path / "claims.csv")
    assert len(frame) == sum(len(judged.evidence) for judged in judgements)
    assert set(frame["claim"]) == {judged.claim.name for judged in judgements}
    row = frame[frame["claim"] == "delta-rule-cannot-track"].iloc[0]
    assert (row["verdict"], row["task"], row["model"]) == ("supported", "parity", "deltanet")
    assert row["claimed"] == "success rate below 50 %"
    assert row["cells"] == "parity/deltanet/seeds-0-3"


def test_a_claim_that_was_not_tested_has_a_row(found):
    criterion = Criterion(("z",), ("parity",), (0,), "best", at_least=1.0)
    judged = judge([Claim("c", "text", "", 0.95, (criterion,))], found.accuracy)
    frame = table(judged, found.runs)
    assert frame[["claim", "verdict"]].to_numpy().tolist() == [["c", "not tested"]]
    assert "Not in these results: 1 cell, such as z on Parity, 2–50" in verdicts(judged)


def test_markdown_is_regular_and_says_why(found, judgements, tmp_path):
    write_claims(judgements, found.runs, markdown=tmp_path / "claims.md")
    text = (tmp_path / "claims.md").read_text()
    assert "**supported**" in text and "All 4 cells are as claimed, with 4 seeds each" in text
    assert "DeltaNet on Parity, 51–100" in text
    for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_the_terminal_gets_every_verdict(judgements):
    lines = verdicts(judgements, width=80).splitlines()
    starts = [line.split()[0] for line in lines if line[0] != " "]
    assert starts == [judged.verdict.split()[0] for judged in judgements]
    assert max(map(len, lines)) <= 80


def test_claims_that_were_not_tested_come_last_and_are_counted(found):
    tested = Criterion(("lstm",), ("parity",), (0,), "best", at_least=1.0)
    criteria = [Criterion((name,), ("parity",), (0,), "best", at_least=1.0) for name in "vwxyz"]
    every = [Claim(f"c{i}", "text", "", 0.95, (one,)) for i, one in enumerate([*criteria, tested])]
    judged = judge(every, found.accuracy)
    assert [one.claim.name for one in judged] == ["c5", "c0", "c1", "c2", "c3", "c4"]
    last = "not tested    5 claims, on models or tasks that are not in these results"
    assert verdicts(judged).splitlines()[-1] == last
    assert verdicts(judged[1:]).count("Not in these results") == 5  # if no claim is tested


def test_html_is_escaped_and_links_to_cells(found, tmp_path):
    criterion = Criterion(("lstm", "srwm"), ("parity",), (0,), "best", at_least=1.0)
    claim = Claim("c", "a < b", "<i>me</i>", 0.95, (criterion,))
    judged = judge([claim], found.accuracy)
    values = {"note": "", "judgements": judged, "words": evidence}
    text = render("claims.html.j2", **values, link=lambda task, model: f"#{task}/{model}")
    assert "a &lt; b" in text and "&lt;i&gt;me&lt;/i&gt;" in text
    assert '<a href="#parity/srwm">SRWM on Parity, 2–50</a>' in text
    write_claims(judged, found.runs, html=tmp_path / "claims.html")
    assert "<a " not in (tmp_path / "claims.html").read_text()


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        (
            {"a": "+++", "b": "+++"},
            "All 2 cells are undecided, with 3 seeds each; all of these lean towards the claim",
        ),
        (
            {"a": "+++", "b": "---"},
            "All 2 cells are undecided, with 3 seeds each; 1 of these leans against the claim",
        ),
        (
            {"a": "+++", "b": "++++"},
            "1 of 2 cells is undecided, with 3 to 4 seeds each; it leans towards the claim",
        ),
    ],
)
def test_undecided_cells_are_counted_and_lean_one_way(seeds, expected):
    accuracy = synthetic.table(*synthetic.runs(**seeds))
    criterion = Criterion(tuple(seeds), ("p",), (0,), "success_rate", at_least=0.5)
    (judged,) = judge([Claim("c", "text", "", 0.95, (criterion,))], accuracy)
    *_, counted, decision = evidence.reasons(judged)
    assert counted == expected
    assert decision == "1 more seed with the same outcome would settle it"


def test_what_would_decide():
    assert decisive(1) == "1 more seed with the same outcome would settle it"
    assert decisive(13).startswith("13 more seeds")
    assert "would not" in decisive(None)


def test_one_cell_decides_against_a_claim_but_all_must_be_for_it():
    def said(**solved):
        models = tuple(solved)
        criterion = Criterion(models, ("p",), (0,), "success_rate", accuracy=0.99, at_least=0.5)
        (judged,) = judge(
            [Claim("c", "text", "", 0.95, (criterion,))],
            synthetic.table(*synthetic.runs(**solved)),
        )
        assert judged.verdict == "undetermined"
        return evidence.reasons(judged)[-1]

    assert said(a="+++", b="++-") == decisive(28)
    assert said(a="---", b="++-", c="+--") == decisive(1)
