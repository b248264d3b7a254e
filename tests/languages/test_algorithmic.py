"""Code execution and ListOps: what the properties of all languages leave open."""

from collections import Counter

import numpy as np
import pytest
from recognisers import RECOGNISERS

from fwp import languages
from fwp.languages.base import NO_TARGET


def shown(program, **params):
    language = languages.get("code_execution", **params)
    return [language.classes[i] for i in language.label(program) if i != NO_TARGET]


@pytest.mark.parametrize("variables", [3, 5])
def test_long_programs_do_what_python_does(variables):
    language = languages.get("code_execution", variables=variables)
    for program in language.draw(np.random.default_rng(0), 300, 4):
        ends = [i + 1 for i, symbol in enumerate(program) if symbol == ";"]
        opinions = [
            RECOGNISERS["code_execution"](program[:end], variables=variables)[1] for end in ends
        ]
        assert shown(program, variables=variables) == [o for o in opinions if o is not None]


def test_what_follows_a_condition_that_does_not_hold_is_not_executed():
    assert shown("x=4;ix<4:px;ix>4:x=9;ix<4:x+;px;") == ["4"]
    assert shown("x=4;ix<5:px;ix>3:x=9;ix<9:x+;px;") == ["4", "9"]


def test_an_assignment_after_a_condition_can_be_left_out_as_in_the_code_of_the_authors():
    program = "x=4;ix>3:x=9;ix>3:y=2;px;py;"
    assert shown(program) == ["9", "2"]
    assert shown(program, skip_reassignment=True) == ["4", "2"]


def test_values_stay_within_the_range():
    language = languages.get("code_execution", lowest=-1, highest=9)
    assert language.contains("x=9;x-;x+;px;") and not language.contains("x=9;x+;px;")
    assert not language.contains("x=0;x-;x-;px;")
    with pytest.raises(ValueError, match="'y' at position 5 cannot follow 'x=0;p'"):
        language.label("x=0;py;")


def test_statements_are_drawn_as_often_as_in_the_source():
    language = languages.get("code_execution")
    programs = language.draw(np.random.default_rng(0), 456, 100)
    middle = [s for program in programs for s in program.split(";")[1:-2]]
    kinds = Counter("i" if s[0] == "i" else "p" if s[0] == "p" else s[1] for s in middle)
    shares = [kinds[kind] / len(middle) for kind in "=pi"] + [
        (kinds["+"] + kinds["-"]) / len(middle)
    ]
    assert shares == pytest.approx([0.25] * 4, abs=0.015)
    assert len(middle) / 100 == pytest.approx(98, abs=2)  # and the first and the last


@pytest.mark.parametrize(
    ("string", "value"),
    [
        ("n3x15]7]", "3"),
        ("f3l15]]", "3"),
        ("l3m1274]]", "3"),  # the median of 1 2 4 7, rounded down
        ("s9s88]9]", "4"),
    ],
)
def test_values_of_lists(string, value):
    language = languages.get("listops", depth=2, operators="nxflms")
    assert language.classes[language.label(string)[-1]] == value


def test_lists_are_as_likely_as_in_the_source():
    """Of 7 symbols, n1n23]] and the like: (¾)³·¼·(¼)² of weight, against (¾)⁵·¼ for five digits."""
    language = languages.get("listops", depth=2, at_most=True)
    drawn = language.draw(np.random.default_rng(0), 7, 4000)
    flat = sum(string[1:-1].isdecimal() for string in drawn) / 4000
    nested = 2 * 0.75**3 * 0.25 * 0.25**2  # two places for the inner list
    assert flat == pytest.approx(0.75**5 * 0.25 / (0.75**5 * 0.25 + nested), abs=0.02)


def test_long_lists_are_refused_where_the_window_is_checked():
    language = languages.get("listops")
    language.check_length(4000)
    with pytest.raises(ValueError, match="at most 4000 symbols, got 4001"):
        language.check_length(4001)
