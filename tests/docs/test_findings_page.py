"""The page of findings says what the record's claims say."""

import gzip
import json
import re
from pathlib import Path

RECORD = Path("docs/records/atlas-h200")
PAGE = Path("docs/findings.md").read_text(encoding="utf-8")
NAMES = re.compile(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`")
VERDICTS = {
    one["claim"]["name"]: one["verdict"]
    for one in json.loads(gzip.decompress((RECORD / "tables/claims.json.gz").read_bytes()))
}


def rows(title: str) -> list[list[str]]:
    """The cells of the table in a section."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[part.strip() for part in line.split("|")[1:-1]] for line in table[2:]]


def test_there_are_ten_statements_and_the_record_supports_them():
    statements = re.findall(r"^\d+\. (.*)`([\w-]+)`$", PAGE, re.MULTILINE)
    assert len(statements) == 10
    assert {VERDICTS[name] for _, name in statements} == {"supported"}
    assert sum(text.startswith("**") for text, _ in statements) >= 3


def test_the_record_contradicts_every_claim_that_it_is_said_to():
    named = [NAMES.findall(first) for first, *_ in rows("Published claims that it contradicts")]
    assert all(named)
    assert {VERDICTS[name] for names in named for name in names} == {"contradicted"}


def test_no_claim_that_is_contradicted_is_left_out():
    shown = set(NAMES.findall(PAGE))
    assert {name for name, verdict in VERDICTS.items() if verdict == "contradicted"} <= shown


def test_hypotheses_that_did_not_hold_have_their_verdict():
    for first, *_, verdict in rows("Hypotheses that did not hold"):
        (name,) = NAMES.findall(first)
        assert VERDICTS[name] == verdict
