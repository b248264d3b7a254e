"""Random languages of logical classes: each is in its class, by its algebra and by the definition.

What a class can see of a string is written here once more, from the definitions: two strings of
which it sees the same are both in the language, or both outside.
"""

from collections import Counter
from functools import cache
from itertools import pairwise, product
from pathlib import Path

import pytest

from fwp import languages
from fwp.config.loading import read_config
from fwp.languages.subregular import COUNTED, ENOUGH, KINDS, LENGTH, TIERS
from tests.languages.varieties import Automaton

IN_CLASS = {
    "SL": lambda a: a.is_strictly_local,
    "coSL": lambda a: a.complement.is_strictly_local,
    "SP": lambda a: a.is_strictly_piecewise,
    "coSP": lambda a: a.complement.is_strictly_piecewise,
    "LT": lambda a: a.is_locally_testable,
    "LTT": lambda a: a.is_locally_threshold_testable,
    "PT": lambda a: a.is_piecewise_testable,
    "PLT": lambda a: a.is_piecewise_locally_testable,
    "SF": lambda a: a.is_aperiodic,
    "Zp": lambda a: a.is_cyclic_group,
    "Reg": lambda a: not a.is_aperiodic,
}
LONGEST = 6


@cache
def made(kind, seed=0, **params):
    return languages.get("subregular", kind=kind, seed=seed, **params)


def automaton(language):
    """Complete and minimal, by merging states that no string tells apart (Moore 1956)."""
    waiting, rows = [language.start], []
    for state in waiting:  # grows meanwhile
        row = [None if state is None else language.step(state, s) for s in language.alphabet]
        waiting += [to for to in dict.fromkeys(row) if to not in waiting]
        rows.append([waiting.index(to) for to in row])
    accepting = [state is not None and language.accepts(state) for state in waiting]
    block, before = [*map(int, accepting)], 0
    while len(set(block)) > before:
        before = len(set(block))
        keys = [(block[i], *(block[to] for to in row)) for i, row in enumerate(rows)]
        numbers = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        block = [numbers[key] for key in keys]
    first = [block.index(b) for b in range(len(set(block)))]
    table = [[block[to] for to in rows[state]] for state in first]
    return Automaton(table, [b for b, state in enumerate(first) if accepting[state]])


@pytest.mark.parametrize(("kind", "seed"), [*product(KINDS, (0, 3))])
def test_the_algebra_of_a_language_is_that_of_its_class(kind, seed):
    found = automaton(made(kind, seed, alphabet=3))
    if kind in TIERS:
        found, kind = found.on_tier, kind[1:]
    assert IN_CLASS[kind](found)


def test_classes_are_told_apart():
    """Languages that are known to be outside: the checks above can fail."""
    exactly_one = automaton(languages.get("regex", pattern="b*ab*", alphabet="ab"))
    assert not exactly_one.is_locally_testable and exactly_one.is_locally_threshold_testable
    contains = automaton(languages.get("regex", pattern="(a|b)*aa(a|b)*", alphabet="ab"))
    assert not contains.is_piecewise_testable and contains.is_locally_testable
    assert not contains.is_strictly_local and contains.complement.is_strictly_local
    ordered = automaton(languages.get("regex", pattern="b*(ab*cb*)*", alphabet="abc"))
    assert ordered.is_aperiodic and not ordered.is_locally_threshold_testable
    assert not ordered.is_strictly_local and ordered.on_tier.is_strictly_local
    assert not ordered.is_strictly_piecewise
    alternating = automaton(languages.get("regex", pattern="(ab|aabb)*", alphabet="ab"))
    assert not alternating.is_piecewise_testable
    even = automaton(languages.get("regex", pattern="(b*ab*a)*b*", alphabet="ab"))
    assert even.is_cyclic_group and not even.is_aperiodic


def factors(string, k):
    marked = f"<{string}>"
    return [marked[i : i + k] for i in range(len(marked) - k + 1)]


def has_in_order(string, parts):
    at = 0
    for part in parts:
        at = string.find(part, at) + len(part)
        if at < len(part):
            return False
    return True


def seen(kind, string, k, t, words):
    """What the class sees of a string."""
    if kind == "LT":
        return frozenset(factors(string, k))
    if kind == "LTT":
        found = factors(string, k)
        return frozenset((factor, min(t, found.count(factor))) for factor in found)
    if kind == "PT":
        return frozenset(word for word in words if has_in_order(string, word))
    return frozenset(pair for pair in product(words, repeat=2) if has_in_order(string, pair))


@pytest.mark.parametrize("kind", ["LT", "TLT", "LTT", "TLTT", "PT", "PLT", "TPLT"])
@pytest.mark.parametrize("k", [2, 3])
def test_strings_that_look_the_same_are_both_in_or_both_outside(kind, k):
    counts = {"t": 3} if kind in COUNTED else {}
    language = made(kind, alphabet=3, k=k, **counts)
    words = ["".join(word) for word in product("abc", repeat=k)]
    found, answers = {}, set()
    for length in range(LONGEST + 1):
        for symbols in product("abc", repeat=length):
            string = "".join(symbols)
            tier = "".join(s for s in string if s in language.tier)
            key = seen(kind.removeprefix("T"), tier, k, 3, words)
            answers.add(answer := language.contains(string))
            assert found.setdefault(key, answer) == answer, string
    assert len(answers) == 2 or k == 3  # short strings may be too short for six symbols of a pair


@pytest.mark.parametrize("kind", ["SL", "TSL", "SP", "coSL", "TcoSL", "coSP"])
@pytest.mark.parametrize("k", [2, 3])
def test_what_holds_only_permitted_parts_is_in_the_language(kind, k):
    language = made(kind, alphabet=3, k=k)
    words = ["".join(word) for word in product("abc", repeat=k)]
    parts = {}
    for length in range(LONGEST + 1):
        for symbols in product("abc", repeat=length):
            string = "".join(symbols)
            tier = "".join(s for s in string if s in language.tier)
            local = kind.endswith("L")
            held = factors(tier, k) if local else [w for w in words if has_in_order(tier, w)]
            parts[string] = (set(held), language.contains(string) != ("co" in kind))
    permitted = set().union(*(held for held, within in parts.values() if within))
    assert all(within == (held <= permitted) for held, within in parts.values())


@pytest.mark.parametrize("kind", KINDS)
def test_there_are_many_strings_in_a_language_and_outside(kind):
    for alphabet, seed in ((4, 1), (16, 0)):
        language = made(kind, seed, alphabet=alphabet)
        assert ENOUGH <= language.count(LENGTH) <= alphabet**LENGTH - ENOUGH
    first, second = (made(kind, seed, alphabet=16) for seed in (0, 1))
    assert first._table != second._table or first._accepting != second._accepting


def test_the_same_arguments_make_the_same_language():
    """Whatever the version of Python or numpy: such languages are named by their arguments."""
    counts = {kind: [made(kind, 1).count(n) for n in (1, 2, 5)] for kind in ("SL", "LT", "SF")}
    assert counts == {"SL": [3, 11, 571], "LT": [4, 10, 523], "SF": [1, 4, 121]}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"kind": "XY"}, "kind: must be one of SL, coSL"),
        ({"kind": "SL", "t": 3}, "t: is for LTT, TLTT alone, got 3 for SL"),
        ({"kind": "SF", "k": 3}, "k: is for SL, .* alone, got 3 for SF"),
        ({"kind": "LT", "tier": 2}, "tier: is for TSL, .* alone, got 2 for LT"),
        ({"kind": "TLT", "tier": 4}, "tier: must be an integer from 0 to 3, got 4"),
        ({"kind": "SP", "alphabet": 2}, "kind: of the languages of SP .* take more symbols"),
    ],
)
def test_what_makes_no_language_is_refused(params, message):
    with pytest.raises(ValueError, match=message):
        languages.get("subregular", **params)


def test_a_threshold_makes_a_difference():
    for seed, t in product(range(3), (2, 3)):
        language = made("LTT", seed, t=t)
        numbers = [piece.range for piece in language.pieces]
        assert numbers == [t + 1, t + 1]
        assert any(
            (a in language.accepted) != (b in language.accepted)
            for a, b in pairwise([(n, m) for m in range(t + 1) for n in (t - 1, t)])
            if a[1] == b[1]
        )


def test_the_languages_of_the_preset_are_in_no_smaller_class():
    """As the authors check theirs; of the classes for which this takes no time."""
    below = {
        "SL": ["is_piecewise_testable"],
        "LT": ["is_piecewise_testable", "is_strictly_local"],
        "TLT": ["is_strictly_local"],
        "SP": ["is_locally_threshold_testable"],
        "PT": ["is_locally_threshold_testable"],
        "LTT": ["is_locally_testable"],
        "TLTT": ["is_locally_testable"],
        "Reg": ["is_aperiodic"],
    }
    preset = Path(__file__).parents[2] / "workflow/presets/mlregtest.yaml"
    tasks = read_config(preset)["tasks"]
    assert Counter(task["group"] for task in tasks.values()) == dict.fromkeys(KINDS, 2)
    for name, task in tasks.items():
        params = task["params"]
        assert task["group"] == params["kind"] and name.startswith(params["kind"].lower())
        if names := below.get(params["kind"]):
            found = automaton(made(**params)).on_tier
            assert not any(getattr(found, name) for name in names), name
