"""Regular languages: finite automata, with strings drawn by counting paths."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

import numpy as np

from fwp.languages.base import Language

DEAD = -1
MOST_SYMBOLS = 256
Table = list[list[int]]
"""Next state by state and token; `DEAD` where there is none. State 0 is the start."""


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
                f"got {''.join(alphabet)!r}"
            )
        if labels not in self.label_kinds:
            raise ValueError(
                f"labels: must be one of {', '.join(self.label_kinds)}, got {labels!r}"
            )
        self._kept, self._table, self._accepting = trim(table, set(accepting))
        if not self._kept:
            raise ValueError("accept: must name a state that can be reached, no string is accepted")
        self.alphabet = tuple(alphabet)
        self._set_labels([self._label(state, labels) for state in range(len(self._table))])
        self._completions: list[list[int]] = [
            [int(state in self._accepting) for state in range(len(self._table))]
        ]
        self._shares: list[dict[int, list[float]]] = []

    def _label(self, state: int, labels: str) -> tuple:
        """What distinguishes the target of a state; the last entry is its readable name."""
        accepting = state in self._accepting
        if labels == "member":
            return (accepting, "member" if accepting else "prefix")
        followers = [self.alphabet[t] for t, to in enumerate(self._table[state]) if to != DEAD]
        name = " ".join(filter(None, ["".join(followers), "end" * accepting]))
        return (accepting, [to == DEAD for to in self._table[state]], name)

    def _set_labels(self, labels: list[tuple]) -> None:
        """Number the labels of all states that a symbol leads to; they become the classes."""
        reached = {to for row in self._table for to in row if to != DEAD} or {0}
        found = []
        for label in sorted(labels[state] for state in reached):
            found += [label] if label not in found else []
        self.classes = tuple(label[-1] for label in found)
        self._targets = [found.index(label) if label in found else 0 for label in labels]

    def step(self, state: int, symbol: str) -> int | None:
        following = self._table[state][self.alphabet.index(symbol)]
        return None if following == DEAD else following

    def accepts(self, state: int) -> bool:
        return state in self._accepting

    def target(self, state: int) -> int:
        return self._targets[state]

    def completions(self, state: int, length: int) -> int:
        for left in range(len(self._completions), length + 1):
            shorter = self._completions[left - 1]
            self._completions.append(
                [sum(shorter[to] for to in row if to != DEAD) for row in self._table]
            )
        return self._completions[length][state]

    def draw_uniform(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        if self.count(length) == 0:
            self.no_strings(length, length)
        self._shares += ({} for _ in range(len(self._shares), length))
        shares, table, alphabet = self._shares, self._table, self.alphabet
        numbers = iter(rng.random(count * length).tolist())
        strings = []
        for _ in range(count):
            state, symbols = 0, []
            for left in range(length - 1, -1, -1):
                if (cumulated := shares[left].get(state)) is None:
                    cumulated = shares[left][state] = self._cumulated(state, left)
                token = bisect_right(cumulated, next(numbers))
                symbols.append(alphabet[token])
                state = table[state][token]
            strings.append("".join(symbols))
        return strings

    def _cumulated(self, state: int, left: int) -> list[float]:
        """Cumulated shares of the symbols in a state, `left` more being due after the symbol."""
        ways = self._completions[left]
        sums = list(accumulate(ways[to] if to != DEAD else 0 for to in self._table[state]))
        return [part / sums[-1] for part in sums]


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
    """Merge states from which the same strings are accepted (Moore 1956)."""
    table = [[to if to != DEAD else len(table) for to in row] for row in table]
    table.append([len(table)] * len(table[0]))  # the dead state
    block = [int(state in accepting) for state in range(len(table))]
    while True:
        kinds: dict[tuple, int] = {}
        finer = [
            kinds.setdefault((block[s], *(block[to] for to in row)), len(kinds))
            for s, row in enumerate(table)
        ]
        if len(kinds) == len(set(block)):
            break
        block = finer
    # Blocks are numbered in the order of their first states, so the start stays number 0.
    merged = {finer[s]: [finer[to] for to in row] for s, row in reversed(list(enumerate(table)))}
    return [merged[b] for b in range(len(kinds))], {finer[state] for state in accepting}
