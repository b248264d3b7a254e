"""What languages are called."""

import pytest

from fwp import languages
from fwp.languages import base
from fwp.languages._title import titled


@pytest.mark.parametrize("name", languages.names())
def test_every_language_has_a_title(name):
    own = vars(languages.find(name))
    assert own["title"] and own["title"] != name
    assert own.get("latex", "").count("$") % 2 == 0


def test_titles_differ():
    titles = [vars(languages.find(name))["title"] for name in languages.names()]
    assert len(set(titles)) == len(titles)


def test_parameters_are_part_of_a_title():
    assert titled("word_problem", {"group": "A5"}) == ("A5", "")
    assert titled("word_problem", {}) == ("", "")
    assert titled("bounded_dyck", {"depth": 9}) == ("Dyck-(2, 9)", "")
    assert titled("ab_d_bc", {}) == ("{a,b}*d{b,c}*", r"$\{a,b\}^*d\{b,c\}^*$")


def test_a_title_is_not_inherited(monkeypatch):
    class Pairs(languages.find("parity")):
        name = "pairs"

    monkeypatch.setattr(languages, "find", lambda _: Pairs)
    assert titled("pairs", {}) == ("", "")
    assert issubclass(Pairs, base.Language)
