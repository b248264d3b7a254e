"""A language of the user's own, as the table of a counter machine in the config."""

from collections import deque
from itertools import product
from typing import NamedTuple

import numpy as np

from fwp.languages._checks import check_state, listed, shown
from fwp.languages._paths import DEAD, MOST_SHARES
from fwp.languages.automaton import MOST_SYMBOLS, Automaton
from fwp.languages.base import Language

MOST_COUNTERS = 8
MOST_CASES = 10_000  # of all rows: a row with n tests * stands for 2ⁿ
MOST_KINDS = 100_000  # states, each with which counters are positive
MOST_STEPS = 500_000  # configurations × symbols

TESTS = {"0": (False,), "+": (True,), "*": (False, True)}
"""What a test of a counter says of "is it positive?"."""
ACTIONS = {"+": 1, "-": -1, "0": 0}


class Configuration(NamedTuple):
    """State and counters of a machine."""

    state: str
    counters: tuple[int, ...]


class CounterMachine(Language):
    """What a deterministic real-time counter machine accepts; Fischer, Meyer and Rosenberg 1968.

    `transitions` is a list of rows [state, symbol, tests, next state, actions]. Tests and actions
    have one character per counter: the test 0 (it is zero), + (it is positive) or * (either), the
    action +, - or 0. Where no row fits, or a counter would get negative, the string is rejected. At
    the start all counters are zero; a string is accepted in one of the states `accept` with all
    counters zero. Rows after which no string can be completed must be left out.

    `labels` is "member" (is the prefix in the language?), "next" (the set of symbols for which a
    row fits, and whether the string may end) or "state". Every string of a length is equally
    likely.
    """

    name = "counter_machine"
    title = "Counter machine"

    def __init__(self, *, transitions: list, start: str, accept: list, labels: str = "member"):
        if labels not in (kinds := ("member", "next", "state")):
            raise ValueError(f"labels: must be one of {', '.join(kinds)}, got {shown(labels)}")
        self._rules, self._reach = _rules(transitions), -1
        self._automaton: Automaton | None = None  # of strings up to `_reach`; None: there are none
        self.alphabet = tuple(sorted({symbol for _, symbol, _ in self._rules}))
        if len(self.alphabet) > MOST_SYMBOLS:
            raise ValueError(
                f"transitions: must have at most {MOST_SYMBOLS} symbols, got {len(self.alphabet)}"
            )
        counters = len(next(iter(self._rules))[2])
        self.start = Configuration(str(start), (0,) * counters)
        states = {state for state, *_ in self._rules} | {to for to, _ in self._rules.values()}
        for key, named in (("start", [start]), ("accept", accept)):
            if not isinstance(named, list) or not named:
                raise ValueError(f"{key}: must be a list of states, got {shown(named)}")
            for state in named:
                if str(state) not in states:
                    raise ValueError(
                        f"{key}: names the state {shown(state)}, which is in no row; it must be "
                        f"one of {listed(sorted(states))}"
                    )
        self._accept, self._labels_kind = {str(state) for state in accept}, labels
        kinds = self._kinds()
        if not any(s in self._accept and not any(up) for s, up in (*kinds, _kind(self.start))):
            raise ValueError(
                "accept: must name a state that can be reached with all counters zero, no string "
                "is accepted"
            )
        names = {kind: self._label(*kind) for kind in kinds}
        self.classes = tuple(sorted(set(names.values())))
        self._classes = {kind: self.classes.index(name) for kind, name in names.items()}
        self._classes.setdefault(_kind(self.start), 0)

    def step(self, state: Configuration, symbol: str) -> Configuration | None:
        rule = self._rules.get((state.state, symbol, _kind(state)[1]))
        if rule is None:
            return None
        following, actions = rule
        counters = tuple(n + action for n, action in zip(state.counters, actions, strict=True))
        return Configuration(following, counters)

    def accepts(self, state: Configuration) -> bool:
        return state.state in self._accept and not any(state.counters)

    def target(self, state: Configuration) -> int:
        return self._classes[_kind(state)]

    def count(self, length: int) -> int:
        automaton = self._bounded(length)
        return automaton.count(length) if automaton else 0

    def count_capped(self, length: int) -> int:
        automaton = self._bounded(length)
        return automaton.count_capped(length) if automaton else 0

    def check_length(self, length: int) -> None:
        if automaton := self._bounded(length):
            automaton.check_length(length)

    def draw_uniform(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        automaton = self._bounded(length)
        if automaton is None or automaton.count_capped(length) == 0:
            self.no_strings(length, length)
        return automaton.draw_uniform(rng, length, count)

    def _bounded(self, length: int) -> Automaton | None:
        """An automaton with the same strings up to `length`: counters get half as large at most."""
        if length <= self._reach:
            return self._automaton
        reach = max(16, 1 << (length - 1).bit_length())
        most = min(MOST_STEPS, MOST_SHARES // max(1, length)) // len(self.alphabet)
        numbers, table = {self.start: 0}, []
        for state in (found := [self.start]):  # grows meanwhile
            following = [self.step(state, symbol) for symbol in self.alphabet]
            for to in following:
                if to is not None and to not in numbers and 2 * max(to.counters) <= reach:
                    numbers[to] = len(found)
                    found.append(to)
            table.append([numbers.get(to, DEAD) for to in following])
            if len(found) > most:
                raise ValueError(
                    f"the {self.name} has too many values of its counters for strings of "
                    f"{length} symbols: states with values must be at most {most}; shorten the "
                    "windows"
                )
        accepting = [i for i, state in enumerate(found) if self.accepts(state)]
        self._automaton = (
            Automaton(self.alphabet, table, accepting, "member") if accepting else None
        )
        self._reach = reach
        return self._automaton

    def _kinds(self) -> set[tuple[str, tuple[bool, ...]]]:
        """States, each with which counters may be positive, that a symbol may lead to."""
        found: set = set()
        waiting = deque([_kind(self.start)])
        while waiting:
            state, positive = waiting.popleft()
            for symbol in self.alphabet:
                rule = self._rules.get((state, symbol, positive))
                if rule is None:
                    continue
                following, actions = rule
                signs = [
                    (True,) if action > 0 else (False, True) if action < 0 else (was,)
                    for action, was in zip(actions, positive, strict=True)
                ]
                for after in product(*signs):
                    if (kind := (following, after)) not in found:
                        found.add(kind)
                        waiting.append(kind)
            if len(found) > MOST_KINDS:
                raise ValueError(
                    f"transitions: must lead to at most {MOST_KINDS} states, each counted once for "
                    "every choice of counters that are positive, there are more"
                )
        return found

    def _label(self, state: str, positive: tuple[bool, ...]) -> str:
        accepted = state in self._accept and not any(positive)
        if self._labels_kind == "state":
            return state
        if self._labels_kind == "member":
            return "member" if accepted else "prefix"
        followers = "".join(s for s in self.alphabet if (state, s, positive) in self._rules)
        return " ".join(filter(None, [followers, "end" * accepted])) or "nothing"


def _kind(configuration: Configuration) -> tuple[str, tuple[bool, ...]]:
    """What rules can see of a configuration: its state, and which counters are positive."""
    return configuration.state, tuple([n > 0 for n in configuration.counters])


def _rules(transitions: object) -> dict[tuple, tuple[str, tuple[int, ...]]]:
    """(state, symbol, which counters are positive) -> (next state, what is added to them)."""
    form = "[state, symbol, tests, next state, actions]"
    if not isinstance(transitions, list) or not transitions:
        raise ValueError(f"transitions: must be a list of rows {form}, got {shown(transitions)}")
    rules: dict[tuple, tuple[str, tuple[int, ...]]] = {}
    counters, cases = None, 0
    for i, row in enumerate(transitions):
        place, got = f"transitions[{i}]", f"got {shown(row)}"
        if not isinstance(row, list) or len(row) != 5:
            raise ValueError(f"{place}: must be {form}, {got}")
        state, symbol, tests, following, actions = map(str, row)
        counters = len(tests) if counters is None else counters
        if len(symbol) != 1:
            raise ValueError(f"{place}: a symbol is one character, got {shown(symbol)}")
        if set(tests) - set(TESTS) or set(actions) - set(ACTIONS):
            raise ValueError(
                f"{place}: tests are made of 0 + * and actions of + - 0, in quotes, {got}"
            )
        if not len(tests) == len(actions) == counters > 0:
            raise ValueError(
                f"{place}: tests and actions have one character for each of the counters, in every "
                f"row the same number, {got}"
            )
        if counters > MOST_COUNTERS:
            raise ValueError(
                f"{place}: there may be at most {MOST_COUNTERS} counters, each with a test and an "
                f"action, {got}"
            )
        for name in (state, following):
            check_state(place, name)
        cases += 2 ** tests.count("*")
        if cases > MOST_CASES:
            raise ValueError(
                f"transitions: rows must stand for at most {MOST_CASES} cases, a row with n tests "
                f"* for 2ⁿ; up to row {i} there are {cases}"
            )
        added = tuple(ACTIONS[action] for action in actions)
        for positive in product(*(TESTS[test] for test in tests)):
            if any(action < 0 and not is_up for action, is_up in zip(added, positive, strict=True)):
                continue
            if (state, symbol, positive) in rules:
                raise ValueError(f"{place}: an earlier row fits the same case, {got}")
            rules[state, symbol, positive] = (following, added)
    if not rules:
        raise ValueError("transitions: every row makes a counter negative")
    return rules
