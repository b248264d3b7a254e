"""Counting strings: up to a bound, exactly, and with few of the counts in memory."""

import numpy as np
import pytest
from variants import VARIANTS

from fwp import languages
from fwp.languages import _paths
from fwp.languages._checks import MANY
from fwp.languages.base import SHORT


@pytest.mark.parametrize(("name", "params"), VARIANTS)
def test_capped_counts_are_counts_up_to_the_cap(name, params):
    language = languages.get(name, **params)
    for length in range(1, 60):
        assert language.count_capped(length) == min(language.count(length), MANY)
    if language.period is not None:
        for length in range(SHORT + 1, SHORT + 4):
            assert language.count_capped(length) == min(language.count(length), MANY)
        for length in range(1, 40):
            assert language.count(length + language.period) >= language.count(length)


@pytest.mark.parametrize("pattern", ["(a|b)*abb", "(a{7})*|(b{5})*", "a{3}b?", "a*b*c*"])
def test_capped_counts_of_long_strings(pattern):
    language = languages.get("regex", pattern=pattern)
    for length in [1, 2, 3, 4, 5, 35, 70, 71, 500, 1001, 1050]:
        assert language.count_capped(length) == min(language.count(length), MANY)


def test_layers_that_are_left_out_are_counted_again(monkeypatch):
    language = languages.get("regex", pattern="(a|b)*a(a|b){3}c*")
    expected = [language.count(length) for length in range(700)]
    drawn = language.draw(np.random.default_rng(0), 650, 20)
    monkeypatch.setattr(_paths, "KEPT", 1000)
    sparse = languages.get("regex", pattern="(a|b)*a(a|b){3}c*")
    assert [sparse.count(length) for length in reversed(range(700))] == expected[::-1]
    assert len(sparse._paths._layers) < 30
    assert sparse.draw(np.random.default_rng(0), 650, 20) == drawn


def test_long_strings_of_large_automata_are_refused():
    language = languages.get("regex", pattern="(a|b)*a(a|b){8}")
    language.check_length(10_000)
    with pytest.raises(ValueError, match="1024 transitions must have at most 27950 symbols"):
        language.check_length(100_000)


def test_a_machine_without_short_strings_has_none_of_them():
    rows = [[f"s{i}", "a", "0", f"s{i + 1}", "0"] for i in range(40)]
    language = languages.get("counter_machine", transitions=rows, start="s0", accept=["s40"])
    assert language.count(3) == language.count_capped(3) == 0
    assert language.lengths(1, 100) == [40]


def test_states_and_lengths_of_a_users_language_are_bounded(monkeypatch):
    monkeypatch.setattr("fwp.languages.base.MOST_COUNTED", 100)
    own = type("Own", (languages.Language,), {
        "name": "own", "alphabet": ("a",), "classes": ("x",), "start": 0,
        "step": lambda self, state, symbol: state + 1,
        "accepts": lambda self, state: True, "target": lambda self, state: 0,
    })()  # fmt: skip
    assert own.count(50) == 1
    with pytest.raises(ValueError, match="states × lengths must be at most 100, own has more"):
        own.count(200)
