"""Theorems: what they name exists, and no construction contradicts them."""

from dataclasses import replace

import pytest
import yaml

from fwp import languages
from fwp.config.messages import ConfigError
from fwp.constructions import (
    NoConstructionError,
    answer,
    construct,
    mixers_with_constructions,
    theorems,
)
from fwp.constructions.answers import complete
from fwp.constructions.properties import properties
from fwp.constructions.theorems import FILE, read_theorems

LANGUAGES = [
    languages.get(name, **params)
    for name, params in [
        *((name, {}) for name in ("parity", "aa_star", "abab_star", "tomita_3", "tomita_6")),
        *((name, {}) for name in ("tomita_4", "d_2", "flip_flop", "even_pairs")),
        *((name, {}) for name in ("anbn", "dyck_1", "reset_dyck_1", "shuffle_2", "boolean_3")),
        *((name, {}) for name in ("dyck_2", "majority", "cycle_navigation")),
        ("word_problem", {"group": "S3"}),
        ("word_problem", {"group": "A5", "elements": "generators"}),
    ]
]
OPTIONS = [{}, {"allow_neg_eigval": True}, {"allow_neg_eigval": True, "feature_map": "silu_l2"}]


def contradictions(known):
    """Theorems that say impossible where there is a construction."""
    found = []
    for mixer in mixers_with_constructions():
        for options in OPTIONS:
            try:
                own = complete(mixer, options)
            except ValueError:  # it has no such option
                continue
            for language in LANGUAGES:
                told = [t for t in known if t.applies(mixer, own, language)]
                if any(t.answer == "impossible" for t in told):
                    try:
                        construct(mixer, language, own)
                    except NoConstructionError:
                        continue
                    found.append((mixer, language.name))
    return found


def test_no_theorem_forbids_what_is_constructed():
    assert contradictions(theorems()) == []


def test_a_contradiction_is_found():
    false = next(t for t in theorems() if t.name == "squashed-states-no-counter")
    assert ("gru", "parity") in contradictions([replace(false, property="periodic")])


def test_theorems_agree_with_each_other():
    for mixer in {mixer for theorem in theorems() for mixer in theorem.mixers}:
        for language in LANGUAGES:
            own = complete(mixer, {})
            told = {t.answer for t in theorems() if t.applies(mixer, own, language)}
            assert len(told) < 2, (mixer, language.name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mixers": {"ltsm": {}}}, "did you mean 'lstm'"),
        ({"mixers": {"deltanet": {"alow_neg_eigval": [True]}}}, "deltanet has no such option"),
        ({"mixers": {"deltanet": {"allow_neg_eigval": ["yes"]}}}, "must be true or false"),
        ({"property": "starfree"}, "must be one of regular, star_free"),
        ({"languages": ["parity"]}, "exactly one of property and languages"),
        ({"property": None, "languages": ["paritty"]}, "did you mean 'parity'"),
        ({"answer": "perhaps"}, "possible"),
        ({"source": None}, "source"),
    ],
)
def test_what_a_theorem_names_must_exist(change, message, tmp_path):
    content = yaml.safe_load(FILE.read_text(encoding="utf-8"))["theorems"]
    entry = content["lstm-counts"] | change
    path = tmp_path / "theorems.yaml"
    path.write_text(
        yaml.safe_dump({"theorems": {"mine": {k: v for k, v in entry.items() if v is not None}}}),
        encoding="utf-8",
    )
    with pytest.raises(ConfigError, match=message):
        read_theorems(path)


@pytest.mark.parametrize(
    ("name", "params", "expected"),
    [
        ("parity", {}, {"regular", "periodic", "alternating", "dihedral"}),
        ("abab_star", {}, {"regular", "periodic"}),
        ("tomita_4", {}, {"regular", "star_free"}),
        ("d_4", {}, {"regular", "star_free"}),
        ("even_pairs", {}, {"regular", "star_free"}),
        ("tomita_6", {}, {"regular", "periodic", "alternating", "modular", "dihedral"}),
        ("dyck_2", {}, {"unbounded"}),
        ("anbn", {}, {"counter", "unbounded"}),
        (
            "word_problem",
            {"group": "A5", "elements": "generators"},
            {"regular", "periodic", "alternating", "modular", "unsolvable"},
        ),
        (
            "word_problem",
            {"group": "S4", "elements": "generators"},
            {"regular", "periodic", "alternating", "modular"},
        ),
    ],
)
def test_properties_follow_from_the_automaton(name, params, expected):
    assert properties(languages.get(name, **params)) == expected


@pytest.mark.parametrize(
    ("mixer", "options", "language", "verdict", "precision"),
    [
        ("deltanet", {}, "parity", "impossible", "finite"),
        ("deltanet", {"allow_neg_eigval": True}, "parity", "constructed", "float32"),
        ("gla", {}, "flip_flop", "possible", "finite"),
        ("transformer", {}, "dyck_1", "possible", "log"),
        ("transformer", {"positions": "rotary"}, "parity", "open", ""),
        ("gru", {}, "anbn", "impossible", "finite"),
        ("rwkv7", {}, "parity", "open", ""),
    ],
)
def test_answers_have_their_evidence(mixer, options, language, verdict, precision):
    found = answer(mixer, languages.get(language), options)
    assert (found.verdict, found.precision) == (verdict, precision)
    assert found.why.endswith(".")
    assert bool(found.source) == (verdict in ("possible", "impossible"))


def test_an_assumption_is_named():
    s5 = languages.get("word_problem", group="S5", elements="generators")
    assert answer("lru", s5).unless == "TC⁰ = NC¹"
    assert answer("gla", s5).unless == ""  # what holds in any case comes first
