"""Properties of every language that is registered; new ones are covered without an edit here."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from recognisers import RECOGNISERS
from variants import VARIANTS, label

from fwp import languages
from fwp.languages.base import NO_TARGET

WINDOW = (2, 60)


@pytest.fixture(params=VARIANTS, ids=label)
def variant(request):
    return request.param


def once(function):
    """A function of a variant, called once for each: automata and counts are made only once."""
    kept = {}

    def get(variant):
        if (name := repr(variant)) not in kept:
            kept[name] = function(variant)
        return kept[name]

    return get


@once
def language_of(variant):
    name, params = variant
    return languages.get(name, **params)


@once
def strings_of(variant):
    return language_of(variant).sample(np.random.default_rng(1), 300, *WINDOW)


@once
def short_strings_of(variant):
    """All strings over the alphabet, up to the length at which they get too many; which are in."""
    language = language_of(variant)
    return {string: language.contains(string) for string in short_strings(language)}


@pytest.fixture
def language(variant):
    return language_of(variant)


@pytest.fixture
def recognise(language, variant):
    """A function of a string: is it in the language, and the index of its last position's class."""
    name, params = variant
    if name not in RECOGNISERS:
        pytest.skip(f"no recogniser of {name} in tests/languages/recognisers.py")

    def opinion(string):
        if (known := RECOGNISERS[name](string, **params)) is None:
            return None
        member, target = known
        if target is None:
            return member, NO_TARGET
        return member, language.classes.index(target) if isinstance(target, str) else target

    return opinion


@pytest.fixture
def strings(variant):
    return strings_of(variant)


def short_strings(language, at_most=4000):
    """All strings over the alphabet, up to the length at which they get too many."""
    length = 0
    while len(language.alphabet) ** length <= at_most and length <= 10:
        yield from ("".join(symbols) for symbols in product(language.alphabet, repeat=length))
        length += 1


def readable(language, string):
    try:
        language.label(string)
    except ValueError:
        return False
    return True


def offsets_of(strings):
    return np.cumsum([0, *map(len, strings)])


def test_the_interface_is_complete(language, variant):
    assert language.name == variant[0]
    assert all(isinstance(symbol, str) and len(symbol) == 1 for symbol in language.alphabet)
    assert len(set(language.alphabet)) == len(language.alphabet) <= 256
    assert all(isinstance(label, str) and label for label in language.classes)
    assert len(set(language.classes)) == len(language.classes) >= 1
    assert isinstance(language.distribution, str)
    assert type(language).__doc__


def test_sampled_strings_are_in_the_language(language, strings):
    assert len(strings) == 300
    assert all(language.contains(string) for string in strings)


def test_sampled_lengths_are_the_possible_ones_and_even(language, strings):
    lengths = Counter(map(len, strings))
    assert sorted(lengths) == language.lengths(*WINDOW)
    assert max(lengths.values()) - min(lengths.values()) <= 1


def test_every_length_of_a_long_window_is_sampled(language):
    low, high = (980, 1000)
    if language.name == "counter_machine" and len(language.start.counters) > 1:
        low, high = (100, 120)  # longer ones have too many configurations
    strings = language.sample(np.random.default_rng(2), 40, low, high)
    assert set(map(len, strings)) == set(language.lengths(low, high))
    assert all(language.contains(string) for string in strings)


def test_equal_seeds_give_equal_strings_and_others_differ(language, variant):
    draw = lambda seed: language.sample(np.random.default_rng(seed), 50, *WINDOW)  # noqa: E731
    name, params = variant
    again = languages.get(name, **params).sample(np.random.default_rng(3), 50, *WINDOW)
    assert draw(3) == draw(3) == again
    assert draw(3) != draw(4)


def test_labels_are_indices_of_classes_and_all_occur(language):
    strings = language.sample(np.random.default_rng(1), 1000, *WINDOW)
    labels = {label for string in strings for label in language.label(string)}
    assert labels <= set(range(len(language.classes))) | {NO_TARGET}
    assert labels >= set(range(len(language.classes)))


def test_a_label_depends_on_the_prefix_alone(language, strings):
    for string in strings[:40]:
        labels = language.label(string)
        assert len(labels) == len(string)
        for end in (0, 1, len(string) // 2, len(string) - 1):
            assert language.label(string[:end]) == labels[:end]


def test_labels_of_a_batch_are_the_labels_of_its_strings(language, strings):
    batch = language.targets(language.encode("".join(strings)), offsets_of(strings))
    assert batch.dtype == np.int16
    assert batch.tolist() == [label for string in strings for label in language.label(string)]


def test_tokens_are_indices_of_symbols(language, strings):
    for string in strings[:20]:
        tokens = language.encode(string)
        assert tokens.dtype == np.uint8
        assert [language.alphabet[token] for token in tokens] == list(string)
        assert language.decode(tokens) == string


def test_membership_agrees_with_the_recogniser(language, variant, recognise):
    for string, contained in short_strings_of(variant).items():
        if string:
            known = recognise(string)
            assert contained == bool(known and known[0]), string
            assert readable(language, string) == (known is not None), string


def test_labels_agree_with_the_recogniser(language, recognise, strings):
    for string in strings:
        expected = [recognise(string[: end + 1])[1] for end in range(len(string))]
        assert language.label(string) == expected, string


def test_counts_agree_with_enumeration(language, variant):
    members = [string for string, contained in short_strings_of(variant).items() if contained]
    if not any(members):
        pytest.skip("the shortest strings are too many to list")
    by_length = Counter(map(len, members))
    for length in range(1, max(by_length) + 1):
        assert language.count(length) == by_length[length]
        assert language.completions(language.start, length) == by_length[length]
        assert sorted(language.strings(length)) == sorted(
            string for string in members if len(string) == length
        )
    assert language.lengths(1, max(by_length)) == sorted(set(by_length) - {0})


def test_closed_counts_agree_with_path_counts(language):
    for length in range(1, 31):
        assert language.count(length) == language.completions(language.start, length)


def test_what_can_be_read_can_be_completed(language):
    for string in short_strings(language, at_most=300):
        if readable(language, string):
            state = ([language.start, *language.read(string)])[-1]
            assert any(language.completions(state, n) for n in range(3 * len(string) + 40)), string


def test_uniform_draws_are_uniform(language):
    few = [n for n in language.lengths(1, 20) if language.count(n) <= 60]
    if not few:
        pytest.skip("every length holds many strings")
    length = max(few)
    total = language.count(length)
    drawn = Counter(language.draw_uniform(np.random.default_rng(5), length, 100 * total))
    assert len(drawn) == total
    squares = sum((number - 100) ** 2 / 100 for number in drawn.values())
    assert squares < total + 5 * (2 * total) ** 0.5  # χ² with total − 1 degrees of freedom


def test_a_foreign_symbol_is_named_with_its_position(language, strings):
    string = next(string for string in strings if len(string) >= 6)
    wrong = string[:3] + "?" + string[4:]
    for reading in (language.label, language.encode):
        with pytest.raises(ValueError, match=r"symbol '\?' at position 3 is not in the alphabet"):
            reading(wrong)
    assert not language.contains(wrong)


def test_a_symbol_that_cannot_follow_is_named_with_its_position(language):
    for string in short_strings(language):
        if string and readable(language, string[:-1]) and not readable(language, string):
            reason = "cannot follow" if len(string) > 1 else "cannot come first"
            message = rf"{language.name}: .*position {len(string) - 1} {reason}"
            with pytest.raises(ValueError, match=message):
                language.label(string)
            with pytest.raises(ValueError, match=message):
                language.targets(language.encode(string), offsets_of([string]))
            return
    pytest.skip("every string over the alphabet is a prefix of the language")


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ((0, 5), "min_length: .* at least 1, got 0"),
        ((-3, 5), "min_length: .* at least 1, got -3"),
        ((2.5, 5), "min_length: .* whole number .* got 2.5"),
        ((7, 4), "min_length must not exceed max_length, got 7 and 4"),
    ],
)
def test_senseless_windows_are_refused(language, window, message):
    with pytest.raises(ValueError, match=message):
        language.sample(np.random.default_rng(0), 1, *window)
    with pytest.raises(ValueError, match=message):
        language.lengths(*window)


def test_impossible_lengths_are_refused_with_the_nearest_possible(language):
    impossible = [n for n in range(1, 12) if not language.count(n)]
    if not impossible:
        pytest.skip("every length is possible")
    with pytest.raises(ValueError, match=rf"{language.name} has none of .* nearest possible: \d"):
        language.sample(np.random.default_rng(0), 1, impossible[0], impossible[0])
    with pytest.raises(ValueError, match="nearest possible"):
        language.draw_uniform(np.random.default_rng(0), impossible[0], 1)


def test_a_negative_count_is_refused_and_zero_is_empty(language):
    assert language.sample(np.random.default_rng(0), 0, *WINDOW) == []
    with pytest.raises(ValueError, match="at least 0, got -1"):
        language.sample(np.random.default_rng(0), -1, *WINDOW)
