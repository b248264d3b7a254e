"""Planning makes each language once, however often it asks."""

from collections import Counter

import pytest

from fwp import languages
from fwp.experiment import known_languages, work
from fwp.experiment.experiment import Experiment
from fwp.experiment.known_languages import known_language

ATT = "0 1 a\n1 0 a\n0 0 b\n1 1 b\n0\n"


@pytest.fixture
def made(monkeypatch):
    """How often each language is made."""
    counts, get = Counter(), languages.get

    def counted(name, **params):
        counts[name] += 1
        return get(name, **params)

    monkeypatch.setattr(languages, "get", counted)
    monkeypatch.setattr(known_languages, "_made", {})
    return counts


def test_a_plan_reads_an_automaton_once(made, tmp_path):
    (tmp_path / "x.att").write_text(ATT, encoding="utf-8")
    entry = {"language": "automaton", "params": {"file": str(tmp_path / "x.att")}}
    grid = Experiment(
        {"models": {"lstm": {"mixer": "lstm"}}, "tasks": {"own": entry}, "seeds": 1, "claims": []}
    )
    assert grid.finite_tasks() == ["own"]
    work._count.cache_clear()
    work.epoch(grid.cell("lstm", "own"), grid.dataset("own"))
    assert made == {"automaton": 1}


def test_parameters_of_other_kinds_are_other_languages(made):
    assert known_language("mqar", {"pairs": 2}) is known_language("mqar", {"pairs": 2})
    for given in (2.0, True, "2"):
        with pytest.raises(ValueError, match="must be an integer"):
            known_language("mqar", {"pairs": given})


def test_only_so_many_are_kept(made, monkeypatch):
    monkeypatch.setattr(known_languages, "MOST", 2)
    for length in (1, 2, 3):
        known_language("word_problem", {"group": f"Z{length + 1}"})
    assert len(known_languages._made) == 2
    known_language("word_problem", {"group": "Z2"})  # made again
    assert made["word_problem"] == 4
