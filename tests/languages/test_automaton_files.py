"""Automata in files: the same languages as the project's own, and mistakes with their places."""

import re
from itertools import product

import numpy as np
import pytest

from fwp import languages
from fwp.languages import _machine, _nfa
from fwp.languages._att import parse_att
from fwp.languages._nfa import Nfa, determinised


def machine_of(name):
    """Transitions of a language's states, the start first, and the accepting states."""
    language = languages.get(name)
    rows, accepting, waiting = [], set(), [language.start]
    for state in waiting:  # grows meanwhile
        if language.accepts(state):
            accepting.add(state)
        for symbol in language.alphabet:
            if (to := language.step(state, symbol)) is not None:
                rows.append((state, symbol, to))
                if to not in waiting:
                    waiting.append(to)
    return waiting, rows, accepting


def as_att(name, columns=3):
    states, rows, accepting = machine_of(name)
    number = {state: i for i, state in enumerate(states)}
    lines = [
        "\t".join([str(number[a]), str(number[b]), *[symbol] * (columns - 2)])
        for a, symbol, b in rows
    ]
    return "\n".join([*lines, *(f"{number[state]}\t0.5" for state in accepting)]) + "\n"


def as_dot(name):
    states, rows, accepting = machine_of(name)
    quoted = {state: f'"s {i}"' for i, state in enumerate(states)}
    together = {}
    for a, symbol, b in rows:
        together.setdefault((a, b), []).append(symbol)
    lines = [f"{quoted[state]} [shape=doublecircle]" for state in accepting]
    lines += [
        f'{quoted[a]} -> {quoted[b]} [label="{", ".join(symbols)}", color=red];'
        for (a, b), symbols in together.items()
    ]
    first = f"/* of {name} */ start [style=invis]; start -> {quoted[states[0]]}"
    return "\n".join([f'digraph "{name}" {{', "# a comment", first, *lines, "}"])


@pytest.mark.parametrize(
    "name", ["parity", "aa_star", *(f"tomita_{i}" for i in range(1, 8)), "d_4", "012_0_2"]
)
def test_written_and_read_again(name, tmp_path):
    known = languages.get(name)
    for file, text in {
        "a.att": as_att(name), "b.att": as_att(name, 4), "c.dot": as_dot(name)
    }.items():  # fmt: skip
        (tmp_path / file).write_text(text)
        found = languages.get(
            "automaton",
            file=str(tmp_path / file),
            labels="next",
            alphabet="".join(known.alphabet),
        )
        assert found.alphabet == known.alphabet
        assert [found.count(n) for n in range(20)] == [known.count(n) for n in range(20)]
        for string in known.sample(np.random.default_rng(0), 20, *_window(known)):
            ends = ["end" in found.classes[label].split() for label in found.label(string)]
            assert ends == [known.contains(string[: i + 1]) for i in range(len(string))]
            if "end" in "".join(known.classes):  # the class has the same labels
                theirs = [known.classes[label] for label in known.label(string)]
                assert [found.classes[label] for label in found.label(string)] == theirs


def _window(language):
    lengths = language.lengths(1, 30)
    return lengths[0], lengths[-1]


def test_a_guess_is_made_deterministic():
    nfa = Nfa(["p"], {}, {"r"})
    for state, symbol, to in (("p", "a", "p"), ("p", "a", "q"), ("q", None, "r"), ("r", "b", "r")):
        nfa.add(state, symbol, to)
    table, accepting, names = determinised(nfa, ["a", "b"])
    assert names == ["p", "{p, q, r}", "r"]
    assert (table, accepting) == ([[1, -1], [1, 2], [-1, 2]], {1, 2})


def test_a_deterministic_automaton_is_read_as_by_the_subset_construction():
    rng = np.random.default_rng(0)
    for states in range(1, 9):
        nfa = Nfa(["0"], {}, {str(state) for state in range(states) if rng.random() < 0.5})
        for state, symbol in product(range(states), "abc"):
            if rng.random() < 0.8:
                nfa.add(str(state), symbol, str(rng.integers(states)))
        assert nfa.is_deterministic
        assert determinised(nfa, [*"abcd"]) == _nfa._subsets(nfa, [*"abcd"])


def test_too_many_sets_of_states():
    rows = ["0 0 a", "0 0 b", "0 1 a", *(f"{i} {i + 1} {s}" for i in range(1, 30) for s in "ab")]
    text = "\n".join([*rows, "30"])
    with pytest.raises(ValueError, match="at most 10000 states when it is made deterministic"):
        languages.get("automaton", file="x.att", text=text)


def test_epsilon_weights_and_symbol_tables():
    weighted = parse_att("0 1 a 0.5\n1 0 b 2\n0 2 a inf\n1\n2 Infinity\n", "x.att")
    assert weighted.moves == {"0": {"a": ["1"]}, "1": {"b": ["0"]}, "2": {}}
    assert weighted.accepting == {"1"}
    numbers = parse_att("0 1 1 1\n1 0 0 0\n1\n", "x.att", {"0": "<none>", "1": "a"})
    assert numbers.moves == {"0": {"a": ["1"]}, "1": {None: ["0"]}}
    assert parse_att("0 1 0 0\n1 0 1 1\n1\n", "x.att").symbols == ["0", "1"]


def test_states_are_named_as_in_the_file(tmp_path):
    file = tmp_path / "x.dot"
    file.write_text('digraph{low->high[label=up];high->low[label="d"];high[peripheries=2]}')
    with pytest.raises(ValueError, match=r"x\.dot: a symbol must be one character, got 'up' at 1"):
        languages.get("automaton", file=str(file), start="low")
    file.write_text(file.read_text().replace("up", "u"))
    found = languages.get("automaton", file=str(file), start="low", labels="state")
    assert [found.classes[i] for i in found.label("udu")] == ["high", "low", "high"]
    assert _machine.is_finite(found)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("x.att", "0 1 a\n0\t1 a b\n1\n", "x.att:2:7: a transition must read and write the same"),
        ("x.att", "0 1 a\n1 one\n", "x.att:2:3: a weight must be a number, got 'one'"),
        ("x.att", "0 1 a b c d\n1", "x.att:1:11: a line has at most 5 columns, got 6"),
        ("x.att", "0 1 ab\n1\n", "a symbol must be one character, got 'ab' at 1:5"),
        ("x.att", "0 1 a\n", "must have an accepting state that can be reached"),
        ("x.att", "0\n", "must have a transition with a symbol, has none"),
        ("x.att", " \n", "x.att:1:1: must hold transitions, is empty"),
        ("x.dot", "graph { a -- b }", "x.dot:1:1: must be a digraph, got a graph"),
        ("x.dot", "digraph {\n a -> b\n}", "x.dot:2:2: an edge must have a label"),
        ("x.dot", 'digraph {\n a -> b [label="0"]\n}', "must have an initial state"),
        ("x.dot", "digraph { a -- b }", "x.dot:1:13: an edge must be ->, got '--'"),
        ("x.dot", "digraph { subgraph c { a } }", "x.dot:1:11: must be a node, an edge or attrib"),
        ("x.dot", "digraph { a [label=<b>] }", "x.dot:1:20: must be DOT, got '<'"),
        ("x.dot", "digraph {\n a:w -> b }", "x.dot:2:3: a node must have no port, got ':'"),
        ("x.dot", "digraph { a", "x.dot:1:12: must have }, got the end of the file"),
        ("x.fsm", "0", "must end in .att, .fst, .txt, .dot, .gv"),
    ],
)
def test_mistakes_have_their_place(file, text, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        languages.get("automaton", file=file, text=text)
    assert str(caught.value).startswith("file: ")


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ValueError, match=r"file: .*none\.att cannot be read: No such file"):
        languages.get("automaton", file=str(tmp_path / "none.att"))
    (tmp_path / "x.att").write_bytes(b"0 1 a\n1 0 \xff\n")
    with pytest.raises(ValueError, match=r"x\.att:2:5: must be UTF-8, got the byte 0xff"):
        languages.get("automaton", file=str(tmp_path / "x.att"))


def test_random_automata_keep_their_language():
    """Made deterministic, an automaton accepts what a search over its paths accepts."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        rows = [(*rng.integers(0, 4, 2).tolist(), "ab"[rng.integers(2)]) for _ in range(7)]
        ends = {str(rng.integers(4)), str(rows[0][0])}
        text = "\n".join([*(f"{a} {b} {s}" for a, b, s in rows), *ends])
        found = languages.get("automaton", file="x.att", text=text)
        for string in map("".join, product(found.alphabet, repeat=4)):
            states = {rows[0][0]}
            for symbol in string:
                states = {b for a, b, s in rows if a in states and s == symbol}
            assert found.contains(string) == any(str(state) in ends for state in states)
