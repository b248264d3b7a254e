"""Texts from sources of known entropy: what they cost, and mistakes in their configs."""

from itertools import product
from math import log

import numpy as np
import pytest

from fwp.datasets.text import generators
from fwp.datasets.text.build import build_text
from fwp.datasets.text.drawn import grammar, known
from fwp.experiment.experiment import load_experiment

EVEN = {"even": [[0.5, "a", "even"], [0.5, "b", "odd"]], "odd": [[1.0, "b", "even"]]}
HIDDEN = {  # a b does not say whether the state has changed
    "still": [[0.5, "a", "still"], [0.3, "b", "still"], [0.2, "b", "loud"]],
    "loud": [[0.6, "b", "loud"], [0.4, "c", "still"]],
}
AMBIGUOUS = {"S": [[0.5, "A B"], [0.2, "a b"], [0.3, "B"]], "A": [[0.6, "a"], [0.4, "a a"]]}
AMBIGUOUS |= {"B": [[0.7, "b"], [0.3, "a b"]]}
COUNTS = {"S": [[0.4, "a S b"], [0.6, "c"]]}


def settings(generator, **changes):
    sizes = {"symbols": 40000, "validation": 0.1, "test": 0.1, "context": 64} | changes
    symbols = sizes.pop("symbols")
    return {"generator": {"symbols": symbols} | generator, "tokens": "bytes"} | sizes


def tokens(generator, text):
    alphabet = generators.alphabet(generator)
    return np.array([alphabet.index(symbol) for symbol in text], dtype=np.uint8)


@pytest.mark.parametrize(
    ("generator", "entropy"),
    [
        ({"kind": "golden_mean"}, 2 / 3 * log(2)),
        ({"kind": "golden_mean", "p": 0.75}, 4 / 5 * -(0.75 * log(0.75) + 0.25 * log(0.25))),
        ({"kind": "even"}, 2 / 3 * log(2)),
        ({"kind": "automaton", "states": EVEN}, 2 / 3 * log(2)),
        ({"kind": "clock", "p": 0.5}, 7 / 8 * log(2)),
        ({"kind": "counter", "p": 0.5, "first": 0.5}, log(2)),
        ({"kind": "brackets", "pairs": 3, "max_depth": 1}, log(3) / 2),
        ({"kind": "brackets", "pairs": 2, "open": 0.25}, None),
        ({"kind": "brackets", "pairs": 2, "open": 0.7, "max_depth": 6}, None),
        # 5/3 rules make a sentence, of 7/3 symbols and its end
        ({"kind": "grammar", "rules": COUNTS}, -(0.4 * log(0.4) / 0.6 + log(0.6)) / (10 / 3)),
    ],
)
def test_a_long_text_costs_its_entropy(generator, entropy):
    found = generators.entropy(generator)
    assert entropy is None or found == pytest.approx(entropy)
    for part, (text, ideal) in generators.draw(settings(generator), 1).items():
        assert (text.dtype, ideal.dtype, text.shape) == (np.uint8, np.float32, ideal.shape), part
        means = ideal[: len(ideal) // 200 * 200].reshape(200, -1).mean(axis=1)
        error = float(means.std()) / 200**0.5
        assert float(ideal.mean()) == pytest.approx(found, abs=4 * error + 1e-4), part


def test_shares_of_states_that_are_left_for_good():
    states = {"begin": [[0.25, "a", "fair"], [0.75, "b", "sure"]]}
    states |= {"fair": [[0.5, "a", "fair"], [0.5, "b", "fair"]], "sure": [[1, "a", "sure"]]}
    assert generators.entropy({"kind": "automaton", "states": states}) == pytest.approx(
        0.25 * log(2)
    )


def test_a_hidden_source_costs_what_all_its_paths_cost():
    source = generators.source({"kind": "automaton", "states": HIDDEN})
    assert not source.unifilar and source.entropy() is None

    def chance(text):
        paths = [("still", 1.0)]
        for symbol in text:
            paths = [
                (to, before * p) for at, before in paths for p, s, to in HIDDEN[at] if s == symbol
            ]
        return sum(p for _, p in paths)

    whole = 0.0
    for text in product("abc", repeat=6):
        whole += chance(text)
        if chance(text) > 0:
            ideal = source.ideal(tokens({"kind": "automaton", "states": HIDDEN}, text))
            prefixes = [chance(text[: n + 1]) for n in range(6)]
            assert np.cumsum(ideal) == pytest.approx(-np.log(prefixes), rel=1e-5), text
    assert whole == pytest.approx(1.0)


def test_brackets_cost_what_the_automaton_of_their_depth_costs():
    brackets = {"kind": "brackets", "pairs": 1, "open": 0.3, "max_depth": 3}
    states = {
        "0": [[1, "(", "1"]],
        "1": [[0.3, "(", "2"], [0.7, ")", "0"]],
        "2": [[0.3, "(", "3"], [0.7, ")", "1"]],
        "3": [[1, ")", "2"]],
    }
    automaton = {"kind": "automaton", "states": states}
    text = generators.source(brackets).draw(np.random.default_rng(0), 3000)
    expected = generators.source(automaton).ideal(text)
    assert generators.source(brackets).ideal(text) == pytest.approx(expected, abs=1e-6)
    assert generators.entropy(brackets) == pytest.approx(generators.entropy(automaton))


def test_brackets_are_balanced_and_kinds_do_not_cross():
    found = generators.source({"kind": "brackets", "pairs": 2, "open": 0.45})
    text = "".join(found.alphabet[t] for t in found.draw(np.random.default_rng(0), 400))
    last = max(i for i in range(401) if sum(s in "([" for s in text[:i]) * 2 == i)
    whole, longer = text[:last], None
    while whole != longer:
        longer, whole = whole, whole.replace("()", "").replace("[]", "")
    assert last > 0 and whole == ""


@pytest.mark.parametrize("remembered", [50_000, 2])
def test_a_grammar_costs_what_all_its_derivations_cost(remembered, monkeypatch):
    monkeypatch.setattr(grammar, "REMEMBERED", remembered)
    sentences = {}

    def derive(sentence, chance):
        rules = next((i for i, s in enumerate(sentence) if s in AMBIGUOUS), None)
        if rules is None:
            sentences[" ".join(sentence)] = sentences.get(" ".join(sentence), 0.0) + chance
            return
        for p, right in AMBIGUOUS[sentence[rules]]:
            derive([*sentence[:rules], *right.split(), *sentence[rules + 1 :]], chance * p)

    derive(["S"], 1.0)
    assert sentences["a b"] == pytest.approx(0.5 * 0.6 * 0.7 + 0.2 + 0.3 * 0.3)
    generator = {"kind": "grammar", "rules": AMBIGUOUS}
    source = generators.source(generator)
    assert source.entropy() is None
    for sentence in sentences:
        words = [*sentence.split(), "."]
        prefixes = [
            sum(p for s, p in sentences.items() if [*s.split(), "."][:n] == words[:n])
            for n in range(1, len(words) + 1)
        ]
        ideal = source.ideal(tokens(generator, words + words))
        assert np.cumsum(ideal)[: len(words)] == pytest.approx(-np.log(prefixes), rel=1e-5)
        assert ideal[len(words) :] == pytest.approx(ideal[: len(words)])  # a sentence like a first
    text = source.draw(np.random.default_rng(0), 9000).tobytes()
    end, word = (bytes([source.alphabet.index(symbol)]) for symbol in ".b")
    drawn = text.split(end)[:-1]
    assert drawn.count(word) / len(drawn) == pytest.approx(sentences["b"], abs=0.03)


def test_parts_are_independent_and_begin_at_the_start():
    params = settings({"kind": "clock", "period": 5, "p": 0.5})
    parts = generators.draw(params, 3)
    assert [len(text) for text, _ in parts.values()] == [32000, 4000, 4000]
    again, other = generators.draw(params, 3), generators.draw(params, 4)
    for part, (text, ideal) in parts.items():
        assert (text[::5] == 1).all() and (ideal[::5] == 0).all()
        assert (text == again[part][0]).all() and (text != other[part][0]).any()
    assert (parts["validation"][0] != parts["test"][0]).any()


@pytest.mark.parametrize("name", known.KNOWN)
def test_sources_by_name_are_sound(name):
    assert [*generators.check_generator(settings({"kind": name}))] == []
    assert known.KNOWN[name].__doc__


@pytest.mark.parametrize(
    ("generator", "line"),
    [
        ({}, "kind: must be one of automaton, brackets, grammar, golden_mean, even, clock, cou"),
        ({"kind": "brakets"}, "got 'brakets' (did you mean 'brackets'?)"),
        ({"kind": "even", "symbols": 99}, "symbols: must be an integer from 100 to 20000000"),
        ({"kind": "even", "symbols": 500}, "the validation text must have at least 65 symbols"),
        ({"kind": "even", "symbols": None}, "symbols: is missing; a source of kind even needs it"),
        ({"kind": "even", "q": 0.5}, "q: is unknown; allowed: kind, symbols, p"),
        ({"kind": "even", "p": 1}, "p: must be a number above 0 and below 1, got 1"),
        ({"kind": "clock", "period": 0}, "period: must be an integer from 1 to 1000, got 0"),
        ({"kind": "brackets", "pairs": 7}, "pairs: must be an integer from 1 to 6, got 7"),
        ({"kind": "brackets", "open": 0.5}, "open: must be below 0.5 without max_depth, or bra"),
        ({"kind": "automaton"}, "states: is missing"),
        ({"kind": "automaton", "states": {"a": []}}, "states.a: must be a list of [probability"),
        (
            {"kind": "automaton", "states": {"a": [[0.5, "x", "a"], [0.4, "y", "a"]]}},
            "states.a: probabilities must sum to 1, got 0.9 (0.5 + 0.4)",
        ),
        (
            {"kind": "automaton", "states": EVEN | {"odd": [[1, "b", "evn"]]}},
            "states.odd[0]: the next state must be a state, got 'evn' (did you mean 'even'?)",
        ),
        ({"kind": "automaton", "states": EVEN, "start": "o"}, "start: must be a state, got 'o'"),
        (
            {"kind": "automaton", "states": EVEN | {"far": [[1, "a", "even"]]}},
            "states.far: cannot be reached from the start, even; remove it",
        ),
        (
            {"kind": "automaton", "states": {"a": [[1.5, None, "a"]]}},
            "states.a[0]: a probability is above 0 and at most 1, got 1.5",
        ),
        ({"kind": "automaton", "states": {"a": [[1, None, "a"]]}}, "[0]: a symbol is text or a n"),
        ({"kind": "grammar", "rules": {"S": [[1, "S a"]]}}, "rules.S: must not begin with itself"),
        (
            {"kind": "grammar", "rules": {"S": [[0.5, "a S S"], [0.5, "b"]]}},
            "rules: sentences must end; a derivation of these grows by a factor of 1 per step",
        ),
        ({"kind": "grammar", "rules": {"S": [[1, ""]]}}, "rules.S[0]: must have symbols, one or"),
        ({"kind": "grammar", "rules": COUNTS | {"T": [[1, "a"]]}}, "rules.T: cannot be reached"),
        ({"kind": "grammar", "rules": COUNTS, "end": "a"}, "end: must be a symbol of no rule"),
        ({"kind": "grammar", "rules": COUNTS, "start": "s"}, "got 's' (did you mean 'S'?)"),
    ],
)
def test_a_mistake_is_a_line_with_its_place(generator, line):
    found = [*generators.check_generator(settings(generator))]
    assert any(line in one for one in found), found
    assert all(one.startswith("text.generator") and "\n" not in one for one in found)


def test_what_is_for_other_texts_is_refused():
    params = settings({"kind": "even"}) | {"tokens": "words", "vocabulary": 7}
    assert [*generators.check_generator(params)] == [
        "text.tokens: is not for a generator, whose symbols are the tokens; leave it out",
        "text.vocabulary: is not for a generator, whose symbols are the tokens; leave it out",
    ]
    params = settings({"kind": "even"}, test=0.0)
    assert "text.test: the test part has no text" in next(generators.check_generator(params))


def test_a_text_of_the_config_comes_with_what_it_costs(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(
        "models: {m: {mixer: lstm}}\n"
        "tasks: {t: {text: {context: 16, generator: "
        "{kind: clock, period: 3, p: 0.5, symbols: 2000}}}}\n"
    )
    spec = load_experiment(path).dataset("t")
    text = build_text(spec).splits["train"]
    assert len(text) == 1800 and text.ideal is not None
    assert text.ideal[:6] == pytest.approx([0, log(2), log(2)] * 2)
    assert (text.tokens[::3] == 1).all()
    test = build_text(spec, ("test",)).splits["test"]
    assert len(test) == 100 and test.ideal is not None


def test_numbers_may_name_states_and_symbols():
    states = {0: [[0.5, 0, 0], [0.5, 1, 1]], 1: [[1, 1, 0]]}
    generator = {"kind": "automaton", "states": states}
    assert [*generators.check_generator(settings(generator))] == []
    assert generators.alphabet(generator) == ("0", "1")
    assert generators.entropy(generator) == pytest.approx(2 / 3 * log(2))
