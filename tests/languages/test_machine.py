from itertools import product

import pytest

from fwp import languages
from fwp.languages import _machine

pytest.importorskip("aalpy")


@pytest.mark.parametrize(("name", "states"), [("parity", 2), ("aa_star", 2), ("abab_star", 4)])
def test_regular_languages_have_their_minimal_machine(name, states):
    language = languages.get(name)
    machine = _machine.of_language(language)
    assert len(machine) == states and _machine.is_finite(language)
    for length in range(1, 9):
        for string in language.strings(length):
            labels = [language.classes[i] for i in language.label(string)]
            assert _machine.run(machine, string) == labels


@pytest.mark.parametrize(
    ("name", "states"), [("parity", 2), ("aa_star", 2), ("abab_star", 5), ("tomita_4", 4)]
)
def test_a_recogniser_answers_for_every_string(name, states):
    language = languages.get(name)
    machine = _machine.of_recogniser(language, ("no", "yes"))
    assert len(machine) == states
    for length in range(1, 9):
        members = set(language.strings(length))
        for symbols in product(language.alphabet, repeat=length):
            string = "".join(symbols)
            assert _machine.run(machine, string)[-1] == ("yes" if string in members else "no")
    assert _machine.of_recogniser(languages.get("anbn"), ("no", "yes")) is None


@pytest.mark.parametrize("name", ["dyck_1", "anbn", "shuffle_2"])
def test_counters_have_none(name):
    assert _machine.of_language(languages.get(name)) is None
    assert not _machine.is_finite(languages.get(name))


def test_minimising_merges_what_says_the_same():
    # The number of symbols modulo four, of which only whether it is even is said.
    machine = {i: (i % 2, {"a": (i + 1) % 4}) for i in range(4)}
    assert _machine.minimal(machine) == {0: (0, {"a": 1}), 1: (1, {"a": 0})}


def test_what_cannot_be_read_stays_so():
    machine = {"x": ("even", {"a": "y"}), "y": ("odd", {})}
    assert _machine.minimal(machine) == {0: ("even", {"a": 1}), 1: ("odd", {})}
    assert _machine.run(machine, "aab") == ["odd", None, None]


def test_a_difference_is_a_shortest_string():
    parity = _machine.of_language(languages.get("parity"))
    stuck = {0: ("even", {"0": 0, "1": 1}), 1: ("odd", {"0": 1, "1": 1})}
    assert _machine.difference(parity, parity) is None
    found = _machine.difference(parity, stuck)
    assert found == "11"
    assert _machine.run(parity, found)[-1] != _machine.run(stuck, found)[-1]


def test_only_what_the_language_can_read_is_compared():
    one, other = {0: ("x", {"a": 0})}, {0: ("x", {"a": 0, "b": 0})}
    assert _machine.difference(other, one) is _machine.difference(one, other) is None
    assert _machine.unread(other, one) is None
    assert _machine.unread(one, other) == "b"


def test_what_is_said_before_the_first_symbol_is_not_compared():
    one = {0: ("x", {"a": 1}), 1: ("y", {"a": 1})}
    other = {0: ("z", {"a": 1}), 1: ("y", {"a": 1})}
    assert _machine.difference(one, other) is None


def test_json_and_back():
    import json

    machine = _machine.of_language(languages.get("abab_star"))
    assert _machine.from_json(json.loads(json.dumps(machine))) == machine
    assert _machine.from_json(None) is None


def test_without_the_package_it_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "aalpy", None)
    _machine._library.cache_clear()
    with pytest.raises(_machine.MachineError, match="pip install aalpy"):
        _machine.of_language(languages.get("parity"))
    _machine._library.cache_clear()
