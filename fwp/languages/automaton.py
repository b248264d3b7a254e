"""Regular languages: finite automata, with strings drawn by counting paths."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

import numpy as np

from fwp.languages._checks import shown
from fwp.languages._paths import DEAD, Paths, Table
from fwp.languages.base import Language

MOST_SYMBOLS = 256


class Automaton(Language):
    """The language of a deterministic finite automaton; a subclass makes one and hands it over.

    Strings of a length are equally likely: among the symbols that may come next, each is drawn in
    proportion to the number of ways in which the string can be completed after it.

    Args:
        alphabet: symbols, one character each.
        table: transitions.
        accepting: numbers of the accepting states.
        labels: what the target is: "member" (is the prefix in the language?) or "next" (the set of
            symbols that may follow, with "end" if the prefix is in the language).

    ValueError for an automaton that accepts nothing.
    """

    start = 0
    label_kinds: tuple[str, ...] = ("member", "next")

    def __init__(
        self, alphabet: Sequence[str], table: Table, accepting: Iterable[int], labels: str = "next"
    ):
        if not 0 < len(set(alphabet)) == len(alphabet) <= MOST_SYMBOLS:
            raise ValueError(
                f"alphabet: must hold 1 to {MOST_SYMBOLS} symbols, each once, "
                f"got {shown(''.join(alphabet))}"
            )
        if labels not in self.label_kinds:
            raise ValueError(
                f"labels: must be one of {', '.join(self.label_kinds)}, got {shown(labels)}"
            )
        self._kept, self._table, self._accepting = trim(table, set(accepting))
        if not self._kept:
            raise ValueError("accept: must name a state that can be reached, no string is accepted")
        self.alphabet = tuple(alphabet)
        self._set_labels([self._label(state, labels) for state in range(len(self._table))])
        self._paths = Paths(self._table, self._accepting)

    def _label(self, state: int, labels: str) -> tuple:
        """What distinguishes the target of a state; the last entry is its readable name."""
        accepting = state in self._accepting
        if labels == "member":
            return (accepting, "member" if accepting else "prefix")
        followers = [self.alphabet[t] for t, to in enumerate(self._table[state]) if to != DEAD]
        name = " ".join(filter(None, ["".join(followers), "end" * accepting]))
        return (accepting, tuple(to == DEAD for to in self._table[state]), name)

    def _set_labels(self, labels: list[tuple]) -> None:
        """Number the labels of all states that a symbol leads to; they become the classes."""
        reached = {to for row in self._table for to in row if to != DEAD} or {0}
        found = {label: i for i, label in enumerate(sorted({labels[state] for state in reached}))}
        self.classes = tuple(label[-1] for label in found)
        self._targets = [found.get(label, 0) for label in labels]

    def step(self, state: int, symbol: str) -> int | None:
        following = self._table[state][self.alphabet.index(symbol)]
        return None if following == DEAD else following

    def accepts(self, state: int) -> bool:
        return state in self._accepting

    def target(self, state: int) -> int:
        return self._targets[state]

    def completions(self, state: int, length: int) -> int:
        self.check_length(length)
        return self._paths.ways(length)[state]

    def count_capped(self, length: int) -> int:
        return self._paths.capped(length)

    def check_length(self, length: int) -> None:
        longest = self._paths.longest
        if length > longest:
            raise ValueError(
                f"strings of an automaton with {len(self._paths.targets)} transitions must have at "
                f"most {longest} symbols, got {length}"
            )

    def draw_uniform(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        self.check_length(length)
        if self.count_capped(length) == 0:
            self.no_strings(length, length)
        begins, tokens, targets = self._paths.begins, self._paths.tokens, self._paths.targets
        shares = [self._paths.shares(left) for left in range(length - 1, -1, -1)]
        strings = []
        for _ in range(count):
            state, symbols = 0, []
            for cumulated, number in zip(shares, rng.random(length).tolist(), strict=True):
                at = bisect_right(cumulated, number, begins[state], begins[state + 1])
                symbols.append(self.alphabet[tokens[at]])
                state = targets[at]
            strings.append("".join(symbols))
        return strings


def trim(table: Table, accepting: set[int]) -> tuple[list[int], Table, set[int]]:
    """Leave out states that cannot be reached, or from which nothing is accepted.

    Returns:
        the states that are kept, in the order of their new numbers (breadth first from the start,
        so none if the language is empty), and table and accepting states in new numbers.
    """
    sources: list[list[int]] = [[] for _ in table]
    for state, row in enumerate(table):
        for to in row:
            if to != DEAD:
                sources[to].append(state)
    alive = dict.fromkeys(sorted(accepting))
    waiting = list(alive)
    for state in waiting:  # grows meanwhile
        new = [source for source in sources[state] if source not in alive]
        alive |= dict.fromkeys(new)
        waiting += dict.fromkeys(new)
    number = {0: 0} if 0 in alive else {}
    kept = list(number)
    for state in kept:  # grows meanwhile
        for to in table[state]:
            if to in alive and to not in number:
                number[to] = len(kept)
                kept.append(to)
    new = [[number.get(to, DEAD) for to in table[state]] for state in kept]
    return kept, new, {number[state] for state in accepting if state in number}


def minimal(table: Table, accepting: set[int]) -> tuple[Table, set[int]]:
    """Merge states from which the same strings are accepted (Hopcroft 1971)."""
    table = [[to if to != DEAD else len(table) for to in row] for row in table]
    table.append([len(table)] * len(table[0]))  # the dead state
    sources = []  # by symbol, those that lead to the same states once; then by state
    for column in dict.fromkeys(zip(*table, strict=True)):
        sources.append(into := [[] for _ in table])
        for state, to in enumerate(column):
            into[to].append(state)
    blocks = [set(accepting), set(range(len(table))) - accepting]
    block = [int(state not in accepting) for state in range(len(table))]
    waiting = dict.fromkeys([0, 1])
    while waiting:
        number, _ = waiting.popitem()
        splitter = list(blocks[number])
        for into in sources:
            hit: dict[int, list[int]] = {}
            for to in splitter:
                for state in into[to]:
                    hit.setdefault(block[state], []).append(state)
            for old, states in hit.items():
                if len(states) == len(blocks[old]):
                    continue
                new = len(blocks)
                blocks.append(set(states))
                blocks[old] -= blocks[new]
                for state in states:
                    block[state] = new
                smaller = min(old, new, key=lambda b: len(blocks[b]))
                waiting[new if old in waiting else smaller] = None
    # Blocks are numbered in the order of their first states, so the start stays number 0.
    numbers = {b: i for i, b in enumerate(dict.fromkeys(block))}
    finer = [numbers[b] for b in block]
    merged = {finer[s]: [finer[to] for to in row] for s, row in reversed(list(enumerate(table)))}
    return [merged[b] for b in range(len(numbers))], {finer[state] for state in accepting}
