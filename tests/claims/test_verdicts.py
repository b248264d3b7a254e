"""Verdicts as a file."""

import pytest
import synthetic

from fwp.claims.claim import library_names, locate, read_claims
from fwp.claims.judge import judge
from fwp.claims.verdicts import read_judgements, write_judgements
from fwp.results.collect import collect_results
from fwp.results.record import ResultsError


def test_verdicts_are_read_as_they_were_judged(tmp_path):
    cells = synthetic.write_grid(tmp_path / "cells", tasks=synthetic.TASKS[:7], seeds=range(9))
    claims = read_claims([locate(name) for name in library_names()])
    judged = judge(claims, collect_results(cells).accuracy)
    write_judgements(judged, tmp_path / "claims.json")
    synthetic.seal_tables(tmp_path)
    assert len({item.verdict for item in judged}) > 2
    assert repr(read_judgements(tmp_path / "claims.json")) == repr(judged)  # NaN is not itself


@pytest.mark.parametrize("text", ["", "{}x", "[1]", '[{"verdict": "supported"}]'])
def test_what_is_no_file_of_verdicts_is_named(text, tmp_path):
    (tmp_path / "claims.json").write_text(text)
    with pytest.raises(ResultsError, match=r"claims\.json: not verdicts on claims"):
        read_judgements(tmp_path / "claims.json")
    with pytest.raises(ResultsError, match=r"none\.json: the file is missing"):
        read_judgements(tmp_path / "none.json")
