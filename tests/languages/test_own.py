"""Languages that are given in the config: patterns, automata and counter machines."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fwp import languages
from fwp.config.parsing import parse
from fwp.languages.automaton import DEAD, minimal, trim

PATTERNS = st.recursive(
    st.sampled_from(["a", "b", "c", ".", "[ab]", "[^b]", "[b-c]", "(?:)", r"\*"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "{2,3}"])).map(
            lambda two: f"(?:{two[0]}){two[1]}"
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(PATTERNS, st.lists(st.text("abc*", max_size=8), max_size=30))
def test_patterns_mean_what_they_mean_to_python(pattern, strings):
    language = languages.get("regex", pattern=pattern, alphabet="abc*")
    own = re.compile(pattern)
    for string in strings:
        assert language.contains(string) == bool(own.fullmatch(string)), (pattern, string)
    for length in language.lengths(1, 6):
        for string in language.draw(np.random.default_rng(0), length, 3):
            assert own.fullmatch(string), (pattern, string)


def test_patterns_that_repeat_much_are_read_in_no_time():
    assert languages.get("regex", pattern="(a?){900}").lengths(898, 905) == [898, 899, 900]
    assert languages.get("regex", pattern="((ab){150}c)*").lengths(2, 650) == [301, 602]


BAD_PATTERNS = {
    "(a)(b": "has a ( without its )",
    "a)": "has a ) without its (",
    "[ab": "has a [ without its ]",
    "a[]": "has an empty [ ]",
    "[b-a]": "has a range",
    "*a": "has nothing to repeat",
    "a{,2}": "has a { that does not begin",
    "a{3,2}": "has bounds",
    "^a": "has an anchor, which is not needed",
    r"(a|b)\1": "has a back-reference, which is not regular",
    "a(?=b)": "has a look-ahead",
    "a(?<!b)b": "has a look-behind",
    "(?P<n>a)(?P=n)": "has a special group",
    r"\da": "has a \\ that does not stand before a special symbol",
    "ax": "has 'x', which is not in the alphabet",
    "[^abc]": "matches none",
    "(a|b)*a(a|b){20}": "must stand for an automaton of at most 2000 states",
    "((a{90}){90}){90}": "must stand for at most 2000 symbols",
    "(" * 500 + "a" + ")" * 500: "must not nest hundreds of groups",
}


@pytest.mark.parametrize("pattern", BAD_PATTERNS, ids=BAD_PATTERNS.values())
def test_a_pattern_that_is_none_is_refused_in_one_line(pattern):
    with pytest.raises(ValueError, match="^pattern: .*" + re.escape(BAD_PATTERNS[pattern])):
        languages.get("regex", pattern=pattern, alphabet="abc")


ROWS = {"p": {"0": "p", "1": "q"}, "q": {"0": "q"}}
BAD_DFAS = [
    ({"transitions": []}, "transitions: must map states"),
    ({"transitions": {"p": "q"}}, "transitions.p: must map symbols to states, got 'q'"),
    ({"transitions": {"p": {"01": "p"}}}, "transitions.p: a symbol is one character, got '01'"),
    ({"start": "r"}, "start: names the state 'r', which has no row; it must be one of p, q"),
    ({"accept": ["p", "r"]}, "accept: names the state 'r'"),
    ({"accept": "p"}, "accept: must be a list of states, got 'p'"),
    ({"accept": []}, "accept: must name a state that can be reached"),
    ({"start": "q", "accept": ["p"]}, "accept: must name a state that can be reached"),
    ({"alphabet": "02"}, "transitions.p.1: must be a symbol of the alphabet"),
    ({"alphabet": "011"}, "alphabet: must hold 1 to 256 symbols, each once"),
    ({"labels": "states"}, "labels: must be one of member, next, state, got 'states'"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_DFAS)
def test_a_table_that_is_none_is_refused(changes, message):
    params = {"transitions": ROWS, "start": "p", "accept": ["q"]}
    assert languages.get("dfa", **params).count(7) == 7
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        languages.get("dfa", **params | changes)


ROW = ["s", "a", "*", "s", "+"]
BAD_MACHINES = [
    ({"transitions": {}}, "transitions: must be a list of rows"),
    ({"transitions": [ROW, ROW[:4]]}, "transitions[1]: must be [state, symbol, tests"),
    ({"transitions": [["s", "ab", "*", "s", "+"]]}, "transitions[0]: a symbol is one character"),
    ({"transitions": [["s", "a", "?", "s", "+"]]}, "transitions[0]: tests are made of 0 + *"),
    ({"transitions": [["s", "a", "*", "s", "++"]]}, "transitions[0]: tests and actions have one"),
    ({"transitions": [ROW, ["s", "b", "**", "s", "+0"]]}, "transitions[1]: tests and actions"),
    ({"transitions": [ROW, ["s", "a", "+", "t", "0"]]}, "transitions[1]: an earlier row fits"),
    ({"transitions": [["s", "a", "0", "s", "-"]]}, "transitions: every row makes a counter neg"),
    ({"start": "t"}, "start: names the state 't', which is in no row; it must be one of s"),
    ({"accept": ["t"]}, "accept: names the state 't'"),
    ({"accept": []}, "accept: must be a list of states, got []"),
    ({"labels": "none"}, "labels: must be one of member, next, state"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_MACHINES)
def test_a_machine_that_is_none_is_refused(changes, message):
    params = {"transitions": [ROW, ["s", "b", "*", "s", "-"]], "start": "s", "accept": ["s"]}
    assert languages.get("counter_machine", **params).count(6) == 5
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        languages.get("counter_machine", **params | changes)


@pytest.mark.parametrize("seed", range(20))
def test_trimming_and_merging_change_no_language(seed):
    rng = np.random.default_rng(seed)
    states = int(rng.integers(1, 9))
    table = rng.integers(DEAD, states, size=(states, 2)).tolist()
    accepting = {s for s in range(states) if rng.random() < 0.3}
    _, small, ends = trim(*minimal(table, accepting))

    def accepted(table, accepting, string, state=0):
        for symbol in string:
            state = table[state][symbol] if state != DEAD and table else DEAD
        return state in accepting

    strings = [[code >> i & 1 for i in range(n)] for n in range(8) for code in range(2**n)]
    for string in strings:
        assert accepted(table, accepting, string) == accepted(small, ends, string)
    # Merging left no two states that accept the same strings.
    futures = {
        tuple(accepted(small, ends, string, state) for string in strings)
        for state in range(len(small))
    }
    assert len(futures) == len(small)


DOCS = (Path(__file__).parents[2] / "docs" / "languages.md").read_text(encoding="utf-8")


def test_the_examples_of_the_documentation_work():
    own = DOCS.partition("## Your own, without code")[2].partition("\n## ")[0]
    examples = parse("\n".join(re.findall("```yaml\n(.*?)```", own, re.S)), "docs")
    tasks = {
        name: languages.get(task["language"], **task["params"])
        for name, task in examples["tasks"].items()
    }
    assert not tasks["no_bb"].contains("abb")
    assert tasks["no_bb"].contains("abab")
    assert tasks["divisible_by_3"].label("110") == [1, 0, 0]
    assert [n for n in range(9) if tasks["my_anbn"].count(n)] == [2, 4, 6, 8]


def test_every_language_is_documented():
    named = set(re.findall("`([a-z0-9_]+)`", DOCS))
    assert set(languages.names()) <= named
