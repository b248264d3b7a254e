"""The page of findings says what the record's claims say."""

import gzip
import json
import re
from pathlib import Path

import pytest

RECORD = Path("docs/records/atlas-h200")
PAGE = Path("docs/findings.md").read_text(encoding="utf-8")
VERDICTS = {
    one["claim"]["name"]: one["verdict"]
    for one in json.loads(gzip.decompress((RECORD / "tables/claims.json.gz").read_bytes()))
}


def rows(title: str) -> list[list[str]]:
    """The cells of the table in a section."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[part.strip() for part in line.split("|")[1:-1]] for line in table[2:]]


@pytest.mark.parametrize(
    ("title", "verdict"),
    [("Ten statements", "supported"), ("Published claims that it contradicts", "contradicted")],
)
def test_every_row_names_a_claim_with_this_verdict(title, verdict):
    named = [re.findall(r"`([\w-]+)`", first) for first, *_ in rows(title)]
    assert all(named) and {VERDICTS[name] for names in named for name in names} == {verdict}


def test_there_are_ten_statements_and_three_are_new():
    statements = [text for _, text, _ in rows("Ten statements")]
    assert len(statements) == 10
    assert sum(text.startswith("**") for text in statements) >= 3


def test_no_claim_that_is_contradicted_is_left_out():
    shown = set(re.findall(r"`([\w-]+)`", PAGE))
    assert {name for name, verdict in VERDICTS.items() if verdict == "contradicted"} <= shown


def test_hypotheses_that_did_not_hold_have_their_verdict():
    for first, *_, verdict in rows("Hypotheses that did not hold"):
        (name,) = re.findall(r"`([\w-]+)`", first)
        assert VERDICTS[name] == verdict
