"""The languages of FLaRe, and their kin: what the properties of all languages leave open."""

from collections import Counter

import numpy as np
import pytest

from fwp import languages
from fwp.languages._checks import MANY
from fwp.languages.base import NO_TARGET


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("flare_cycle_navigation", ">>=<1", ">>=<2"),
        ("flare_modular_arithmetic", "2+3*4=0", "2+3*4=4"),  # from left to right
        ("flare_stack_manipulation", "01+1--#0", "01+1--#1"),
        ("marked_reversal", "011#110", "011#111"),
        ("unmarked_reversal", "0110", "01110"),
        ("flare_missing_duplicate", "01101_", "011_11"),  # a 1 may be missing, not a 0
        ("flare_odds_first", "0011#0101", "0011#1010"),
        ("flare_bucket_sort", "3213#1233", "3213#1323"),
        ("flare_binary_addition", "01+110=1010", "01+110=1011"),  # 2 + 3 = 5
        ("flare_binary_multiplication", "01×110=0110", "01×110=011+"),
        ("flare_compute_sqrt", "0101=110", "0101=101"),
    ],
)
def test_examples(name, inside, outside):
    language = languages.get(name)
    assert language.contains(inside) and not language.contains(outside)


def test_a_root_of_a_large_number_is_exact():
    language = languages.get("flare_compute_sqrt")
    square = "1" * 120  # 4⁶⁰ − 1, of which double precision makes 4⁶⁰
    assert language.contains(f"{square}={'1' * 60}")
    assert not language.contains(f"{square}={'0' * 60}1")


def test_majorities_of_all_sizes_are_equally_frequent():
    strings = languages.get("majority").draw(np.random.default_rng(0), 20, 4000)
    sizes = Counter(string.count("1") for string in strings)
    assert sorted(sizes) == [*range(11, 21)]
    assert min(sizes.values()) > 320


def test_either_operand_may_be_the_longer_one():
    strings = languages.get("flare_binary_addition").draw(np.random.default_rng(0), 60, 200)
    signs = Counter(2 * s.index("+") > s.index("=") for s in strings)
    assert min(signs[True], signs[False]) > 60


def test_products_of_long_strings_are_many_and_not_counted():
    language = languages.get("flare_binary_multiplication")
    assert language.count_capped(500) == MANY
    with pytest.raises(ValueError, match="too many strings of these lengths to count them"):
        language.count(200)


@pytest.mark.parametrize(
    ("name", "string", "answer"),
    [
        ("binary_addition", "001+01101__________", ["0", "1", "0", "1", "1", "end"]),
        ("binary_multiplication", "001×01101_________", [*"0001101", "end"]),
        ("compute_sqrt", "100101___", [*"110"]),
        ("missing_duplicate", "011_11=", ["0"]),
        ("solve_equation", "((1+-x)-3)=4", ["4"]),
    ],
)
def test_answers_of_transductions(name, string, answer):
    language = languages.get(name)
    labels = [label for label in language.label(string) if label != NO_TARGET]
    assert [language.classes[label] for label in labels] == answer
