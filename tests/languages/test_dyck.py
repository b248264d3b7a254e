"""How Dyck-like strings are drawn: the grammar, interleaving, resets."""

from collections import Counter
from fractions import Fraction
from functools import cache
from math import factorial

import numpy as np
import pytest

from fwp import languages
from fwp.languages.dyck import Grammar, _joins


def is_like(drawn, law):
    """χ² test that counts `drawn` follow the probabilities `law`, at five standard deviations."""
    total, freedom = sum(drawn.values()), len(law) - 1
    squares = sum((drawn[key] - total * p) ** 2 / (total * p) for key, p in law.items())
    return set(drawn) <= set(law) and squares <= freedom + 5 * (2 * freedom) ** 0.5


def grammar_law(pairs, p, q):
    """P(word | its number of pairs), by summing over all derivations of S → (S) | SS | empty."""
    r = 1 - p - q
    # P(empty) = r + q P(empty)², the smaller root.
    empty = (1 - (1 - 4 * q * r) ** 0.5) / (2 * q) if q else r

    @cache
    def probability(word):
        if not word:
            return empty
        total = 0.0
        if is_balanced(word[1:-1]):
            total += p * probability(word[1:-1])
        for cut in range(2, len(word), 2):
            if is_balanced(word[:cut]):
                total += q * probability(word[:cut]) * probability(word[cut:])
        return total / (1 - 2 * q * empty)  # SS with one S empty: the word derives itself

    words = list(languages.get("dyck_1").strings(2 * pairs))
    total = sum(map(probability, words))
    return {word: probability(word) / total for word in words}


def is_balanced(word):
    return languages.get("dyck_1").contains(word)


@pytest.mark.parametrize(("p", "q"), [(0.5, 0.25), (0.3, 0.6), (0.2, 0.1), (0.6, 0.0)])
@pytest.mark.parametrize("pairs", [2, 3, 4, 5])
def test_words_follow_the_grammar(pairs, p, q):
    grammar = Grammar(p, q)
    rng = np.random.default_rng(pairs)
    drawn = Counter(grammar.draw(rng, pairs) for _ in range(4000))
    law = {word: share for word, share in grammar_law(pairs, p, q).items() if share > 0}
    assert is_like(drawn, law)


def test_the_law_of_joins_is_exact():
    pairs, qr = 40, Fraction(1, 16)
    weights = [
        qr**j * Fraction(factorial(pairs + 2 * j), factorial(j) * factorial(j + 1))
        for j in range(250)
    ]
    total = sum(weights)
    least, cumulated = _joins(pairs, float(qr))
    shares = np.diff(cumulated, prepend=0.0)
    expected = [float(weights[least + i] / total) for i in range(len(shares))]
    np.testing.assert_allclose(shares, expected, rtol=1e-9, atol=1e-15)
    assert float(sum(weights[:least]) / total) < 1e-18


def test_long_words_are_drawn():
    word = Grammar().draw(np.random.default_rng(0), 20_000)
    assert len(word) == 40_000
    assert is_balanced(word)


@pytest.mark.parametrize(("p", "q"), [(0, 0.2), (0.9, 0.1), (0.5, -0.1), (1.2, 0.0)])
def test_a_grammar_that_is_no_grammar_is_refused(p, q):
    with pytest.raises(ValueError, match=r"needs 0 < p.*got p = "):
        languages.get("dyck_1", p=p, q=q)


def test_every_short_interleaving_occurs():
    language = languages.get("shuffle_2")
    drawn = Counter(language.draw(np.random.default_rng(0), 4, 8000))
    # Two pairs are of one kind (1/4 each), "()()" or "(())" by the grammar, or of both kinds (1/2),
    # in one of six orders.
    law = {
        word.translate(str.maketrans("()", kind)): share / 4
        for kind in ("()", "[]")
        for word, share in grammar_law(2, 0.5, 0.25).items()
    }
    law |= dict.fromkeys(("()[]", "[]()", "([)]", "[(])", "([])", "[()]"), 1 / 12)
    assert set(law) == set(language.strings(4))
    assert is_like(drawn, law)


def test_nested_brackets_never_cross_and_follow_the_grammar():
    language = languages.get("shuffle_2", nested=True)
    drawn = Counter(language.draw(np.random.default_rng(0), 4, 8000))
    law = {}  # each pair is of one of two kinds
    for word, share in grammar_law(2, 0.5, 0.25).items():
        pairs = ("()", "[]") if word == "()()" else ("(", "[")
        for first in pairs:
            for second in ("()", "[]"):
                string = first + second + {"(": ")", "[": "]"}.get(first, "")
                law[string] = share / 4
    assert set(law) == set(language.strings(4))
    assert is_like(drawn, law)


def test_nested_strings_have_the_targets_of_all_others():
    nested, crossing = languages.get("shuffle_4", nested=True), languages.get("shuffle_4")
    assert nested.classes == crossing.classes
    for string in nested.draw(np.random.default_rng(0), 60, 20):
        assert nested.label(string) == crossing.label(string)


def test_one_reset_lies_everywhere():
    language = languages.get("reset_dyck_1", one_reset=True)
    strings = language.draw(np.random.default_rng(0), 20, 1500)
    assert {string.count("1") for string in strings} == {1}
    assert set(Counter(string.index("1") for string in strings)) == set(range(1, 20, 2))


@pytest.mark.parametrize("length", [7, 40, 200])
def test_resets_find_brackets_open_and_lie_everywhere(length):
    strings = languages.get("reset_dyck_1").draw(np.random.default_rng(0), length, 1500)
    places = [i for string in strings for i, symbol in enumerate(string) if symbol == "1"]
    resets = Counter(string.count("1") for string in strings)
    assert set(range(length)) >= set(places) >= set(range(length - 1, -1, -2))
    assert resets[1] > 100
    assert max(resets) > length / 5
    depths = [
        part.count("(") - part.count(")")
        for string in strings
        if string.count("1") == 1
        for part in string.split("1")[:-1]
        if part
    ]
    assert np.mean(np.array(depths) > 0) > 0.8


def test_every_prefix_may_come_before_a_reset():
    language = languages.get("reset_dyck_1")
    drawn = {s for s in language.draw(np.random.default_rng(0), 5, 4000) if s.count("1") == 1}
    assert drawn == {s for s in language.strings(5) if s.count("1") == 1}


def test_resets_are_counted_beyond_what_is_kept(monkeypatch):
    monkeypatch.setattr("fwp.languages.reset_dyck.KEPT", 10)
    language = languages.get("reset_dyck_1")
    for length in (3, 15, 40, 10, 11, 39, 2):
        assert language.count(length) == language.completions(language.start, length)
