"""Parameters of the state tracking tasks, and what their groups are."""

from collections import Counter
from math import factorial

import numpy as np
import pytest

from fwp import languages

BAD = [
    ("word_problem", {"group": "K8"}, "group: must be Z, S or A with a number of points"),
    ("word_problem", {"group": "S3xx"}, "group: must be Z, S or A"),
    ("word_problem", {"group": "S1"}, "group: S must have at least 2 points, got 'S1'"),
    ("word_problem", {"group": "S8"}, "group: must have at most 10000 elements, S8 has 40320"),
    ("word_problem", {"group": "S6"}, "group: must have at most 253 elements where all are sym"),
    ("word_problem", {"group": "S3", "elements": "some"}, "elements: must be one of all, gen"),
    ("word_problem", {"group": "S3", "labels": "all"}, "labels: must be one of every, last"),
    (
        "word_problem",
        {"group": "D7"},
        "group: D must have an order that is even and at least 6, got",
    ),
    ("word_problem", {"group": "H1"}, "group: H must have a modulus of at least 2, got 'H1'"),
    ("word_problem", {"group": "Q16"}, "group: Q must have 8 elements, got 'Q16'"),
    (
        "word_problem",
        {"group": "A5", "elements": "swaps"},
        "elements: swaps are of a group S alone",
    ),
    ("cycle_navigation", {"size": 1}, "size: must be an integer from 2 to 1000, got 1"),
    ("cycle_navigation", {"size": 5.0}, "size: must be an integer from 2 to 1000, got 5.0"),
    ("flip_flop", {"ignore": 1}, "ignore: must be a probability below 1, got 1"),
    ("flip_flop", {"ignore": "0.5"}, "ignore: must be a probability"),
    ("modular_arithmetic", {"modulus": 11}, "modulus: must be an integer from 2 to 10"),
    ("modular_arithmetic", {"operators": "+/"}, "operators: must be some of [+] - [*], each once"),
    ("modular_arithmetic", {"operators": "++"}, "operators: must be some of"),
    ("modular_arithmetic_brackets", {"operators": ""}, "operators: must be some of"),
    ("code_execution", {"variables": 6}, "variables: must be an integer from 1 to 5, got 6"),
    ("code_execution", {"highest": 8}, "highest: must be an integer from 9 to 99, got 8"),
    ("code_execution", {"lowest": 1}, "lowest: must be an integer from -99 to 0, got 1"),
    ("code_execution", {"skip_reassignment": 1}, "skip_reassignment: must be true or false, got 1"),
    ("listops", {"depth": 0}, "depth: must be an integer from 1 to 20, got 0"),
    ("listops", {"arguments": 11}, "arguments: must be an integer from 2 to 10, got 11"),
    ("listops", {"operators": "nn"}, "operators: must be some of n x f l m s, each once, got 'nn'"),
    ("listops", {"at_most": "no"}, "at_most: must be true or false, got 'no'"),
    ("mqar", {"pairs": 17}, "pairs: must be an integer from 1 to 16, got 17"),
    ("mqar", {"values": 1}, "values: must be an integer from 2"),
    ("mqar_composition", {"triples": 5}, "triples: must be a square number of at most 12², keys"),
    ("mqar_forgetting", {"updates": 5}, "updates: must be an integer from 0 to 4, got 5"),
    ("mqar_stacked", {"keys": 20}, "values: must be an integer from 2 to 10, got 12"),
    ("in_context_recall", {"noise": 1}, "noise: must be a probability below 1, got 1"),
    ("fuzzy_recall", {"key_size": 8}, "key_size: must be an integer from 1 to 7, got 8"),
    ("selective_copying", {"copied": 0}, "copied: must be an integer from 1 to 1000, got 0"),
    ("compression", {"symbols": 1}, "symbols: must be an integer from 2 to 52, got 1"),
    ("memorisation", {"facts": 1}, "facts: must be an integer from 2"),
    ("undo_flip_flop", {"undo": 0.1}, "undo: twice this and ignore must be less than 1 in sum"),
    ("undo_flip_flop", {"ignore": -1}, "ignore: must be a probability below 1, got -1"),
    ("repl_trace", {"variables": 1}, "variables: must be an integer from 2 to 10, got 1"),
    ("repl_trace", {"reveal": 2}, "reveal: must be a probability, got 2"),
    ("shuffle_2", {"nested": "yes"}, "nested: must be true or false, got 'yes'"),
    ("reset_dyck_1", {"one_reset": 1}, "one_reset: must be true or false, got 1"),
    ("stack_manipulation", {"initial_stack": 0}, "initial_stack: must be true or false, got 0"),
    ("odds_first", {"first": "evens"}, "first: must be one of odd, even, got 'evens'"),
    ("bounded_dyck", {"depth": 0}, "depth: must be an integer from 1 to 100, got 0"),
    ("bounded_dyck", {"kinds": True}, "kinds: must be an integer from 1 to 6, got True"),
]


@pytest.mark.parametrize(("name", "params", "message"), BAD)
def test_parameters_that_make_no_sense_are_refused(name, params, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        languages.get(name, **params)


@pytest.mark.parametrize(
    ("group", "order", "generators"),
    [
        ("S5", 120, 2),
        ("A5", 60, 3),
        ("A4", 12, 2),
        ("Z60", 60, 1),
        ("S2", 2, 1),
        ("Z2xA4", 24, 3),
        ("D8", 8, 2),
        ("H3", 27, 2),
        ("H4", 64, 2),
        ("Q8", 8, 2),
        ("D8xZ3", 24, 3),
    ],
)
def test_generators_generate_the_group(group, order, generators):
    language = languages.get("word_problem", group=group, elements="generators")
    assert (len(language.classes), len(language.alphabet)) == (order, generators)


def test_swaps_are_the_symbols_of_a_symmetric_group():
    language = languages.get("word_problem", group="S5", elements="swaps")
    assert (len(language.classes), len(language.alphabet)) == (120, 11)
    moved = [
        sum(i != int(p) for i, p in enumerate(language.classes[n])) for n in language.label("1")
    ]
    assert moved == [2]


def test_large_groups_can_be_read_by_generators():
    language = languages.get("word_problem", group="S7", elements="generators")
    assert len(language.classes) == factorial(7)
    swap, cycle = language.alphabet
    assert language.classes[language.label(cycle * 7)[-1]] == "0123456"
    assert language.classes[language.label(cycle + swap)[-1]] == "2134560"  # the swap acts first


def test_groups_of_many_points_are_written_with_dots():
    language = languages.get("word_problem", group="Z11", elements="generators", labels="last")
    assert language.classes[1] == "1.2.3.4.5.6.7.8.9.10.0"
    assert language.label("000=") == [-100, -100, -100, 3]


def test_an_initial_stack_of_any_size_comes_first():
    language = languages.get("stack_manipulation", initial_stack=True)
    drawn = language.draw(np.random.default_rng(0), 11, 2000)
    sizes = Counter(len(string) - len(string.lstrip("ab")) for string in drawn)
    assert set(sizes) == {1, 2, 3, 4}  # of 5 inputs, one or more are actions
    assert min(sizes.values()) > 400
    # The example of the authors' code: 0 1 1 0, push 1, pop, pop.
    labels = language.label("abba1--" + 8 * "_")[7:]
    assert [language.classes[label] for label in labels[:4]] == ["1", "1", "0", "end"]


def test_even_places_come_first_as_in_the_authors_code():
    for first, answer in (("odd", "aabb"), ("even", "bbaa")):
        language = languages.get("odds_first", first=first)
        assert language.decode(language.label("abab____")[4:]) == answer
