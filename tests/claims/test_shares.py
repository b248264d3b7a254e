"""Claims on generalisation lengths, and on shares of languages and models."""

import pandas as pd
import pytest

from fwp.claims.claim import read_claims
from fwp.claims.judge import judge
from fwp.claims.verdicts import read_judgements, write_judgements
from fwp.report.findings import of_claims
from fwp.report.tables.claims import table
from fwp.report.tables.evidence import claimed, found, reasons
from fwp.results.frames import ACCURACY, finish
from fwp.results.integrity import write_sums

LENGTHS = (2, 10, 50, 100, 500)
FAR = {"near": [10] * 8, "far": [100] * 8, "mixed": [10, 100] * 4, "few": [10, 10, 10, 100] * 2}
GROUPS = {"t1": "Regular", "t2": "Regular", "t3": "Counters"}


def accuracies(reached):
    """A table in which seeds are right up to a length: (task, model) → length of each seed."""
    rows = []
    for (task, model), seeds in reached.items():
        for seed, longest in enumerate(seeds):
            shares = [float(length <= longest) for length in LENGTHS]
            for length, share in ((pd.NA, min(shares)), *zip(LENGTHS, shares, strict=True)):
                rows.append((task, model, seed, "budget", "2-500", length, 5, share, share))
    return finish(pd.DataFrame(rows, columns=list(ACCURACY)), ACCURACY)


@pytest.fixture
def judged(tmp_path):
    def judged_by(reached, **criterion):
        path = tmp_path / "own.yaml"
        lines = "\n".join(f"        {key}: {value}" for key, value in criterion.items())
        path.write_text(f"claims:\n  own:\n    text: T.\n    criteria:\n      -\n{lines}\n")
        (one,) = judge(read_claims([path]), accuracies(reached), groups=GROUPS)
        return one

    return judged_by


def grid(**models):
    """Tasks t1, t2, t3 × models, each with what it reaches on them."""
    return {
        (f"t{i + 1}", model): FAR[how]
        for model, hows in models.items()
        for i, how in enumerate(hows)
        if how
    }


def test_a_generalisation_length_is_judged_in_symbols(judged):
    one = {"models": "a", "tasks": "t1", "statistic": "generalisation"}
    cells = grid(a=["far"])
    assert judged(cells, **one, at_least=100).verdict == "supported"
    assert judged(cells, **one, at_least=101).verdict == "contradicted"
    assert judged(cells, **one, below=500).verdict == "supported"
    assert judged(grid(a=["mixed"]), **one, at_least=100).verdict == "undetermined"
    (item,) = judged(cells, **one, at_least=100).evidence
    assert claimed(item) == "generalisation length at least 100 symbols"
    assert found(item) == "median 100 symbols (100–100), 8 seeds"


def test_two_models_are_compared_by_ranks_of_their_seeds(judged):
    one = {"models": "a", "tasks": "t1", "statistic": "generalisation", "further_than": "b"}
    assert judged(grid(a=["far"], b=["near"]), **one).verdict == "supported"
    assert judged(grid(a=["near"], b=["far"]), **one).verdict == "contradicted"
    assert judged(grid(a=["mixed"], b=["mixed"]), **one).verdict == "undetermined"
    same = judged(grid(a=["far"], b=["far"]), **one)  # neither, on what was tested
    assert same.verdict == "contradicted"
    assert "100 symbols against 100 of b (8 seeds and 8 seeds)" in found(same.evidence[0])


def test_a_share_of_languages_is_between_what_is_and_what_may_be(judged):
    cells = grid(a=["far", "far", "near"], b=["near", "near", "near"])
    one = {"models": "a", "tasks": '"*"', "statistic": "generalisation", "further_than": "b"}
    assert judged(cells, **one, share_at_least=0.6).verdict == "supported"
    assert judged(cells, **one, share_at_least=0.7).verdict == "contradicted"
    assert judged(cells, **one, share_below=0.7).verdict == "supported"
    assert judged(cells, **one, share_below=0.6).verdict == "contradicted"
    text = reasons(judged(cells, **one, share_at_least=0.6))
    assert text == ["2 of 3 cells are as claimed (1 not); the claim is at least 60 %"]


def test_the_share_is_quoted_if_it_contradicts_a_claim(judged):
    cells = grid(a=["far", "far", "far"], b=["near", "near", "near"])
    one = {"models": "a", "tasks": '"*"', "statistic": "generalisation", "further_than": "b"}
    *_, text = of_claims([judged(cells, **one, share_below=0.5)])  # no cell contradicts it
    assert text == "Contradicted: “T”. 3 of 3 cells are as claimed; the claim is below 50 %."


def test_cells_that_are_open_or_were_not_run_may_be_either(judged):
    cells = grid(a=["far", "few", ""], b=["near", "near", "near"])
    one = {"models": "a", "tasks": '"*"', "statistic": "generalisation", "further_than": "b"}
    open_ = judged(cells, **one, share_at_least=0.5)
    assert open_.verdict == "undetermined" and open_.missing == [("t3", "a", "every length")]
    assert "(1 undecided, 1 not run)" in reasons(open_)[0]
    assert judged(cells, **one, share_at_least=0.3).verdict == "supported"


def test_groups_choose_languages_and_a_star_every_model(judged):
    cells = grid(a=["far", "far", "near"], b=["near", "near", "far"])
    one = {"tasks": '"*"', "groups": "Regular", "statistic": "generalisation"}
    assert judged(cells, models="a", **one, at_least=50).verdict == "supported"
    assert judged(cells, models='"*"', **one, at_least=50).verdict == "contradicted"
    none = {"models": '"*"', "tasks": "t3", "statistic": "success_rate", "bin": "2-500"}
    assert judged(cells, **none, at_least=0.5).verdict == "contradicted"  # no model learns it


def test_shares_are_read_as_they_were_written(judged, tmp_path):
    cells = grid(a=["far", "far", "near"], b=["near", "near", "near"])
    one = judged(
        cells, models="a", tasks='"*"', statistic="generalisation", further_than="b",
        share_at_least=0.6,
    )  # fmt: skip
    write_judgements([one], tmp_path / "claims.json")
    write_sums(tmp_path / "c.sha256", [tmp_path / "claims.json"])
    (again,) = read_judgements(tmp_path / "claims.json")
    assert again.shares == one.shares and again.verdict == one.verdict
    runs = accuracies(cells)[["task", "model"]].drop_duplicates().assign(cell="c")
    assert table([again], runs)["statistic"].tolist() == ["generalisation"] * 3
