"""Finite automata as files hold them, non-deterministic or not, made deterministic."""

from dataclasses import dataclass, field

from fwp.languages._paths import DEAD, Table

MOST_STATES = 10_000


@dataclass
class Nfa:
    """A finite automaton.

    Attributes:
        starts: names of the initial states.
        moves: transitions, state -> symbol -> states; the symbol None reads nothing.
        accepting: names of the accepting states.
    """

    starts: list[str] = field(default_factory=list)
    moves: dict[str, dict[str | None, list[str]]] = field(default_factory=dict)
    accepting: set[str] = field(default_factory=set)

    def add(self, state: str, symbol: str | None, to: str) -> None:
        """Enter a transition."""
        self.moves.setdefault(to, {})
        row = self.moves.setdefault(state, {})
        if symbol not in row:
            row[symbol] = [to]
        elif to not in row[symbol]:
            row[symbol].append(to)

    @property
    def symbols(self) -> list[str]:
        """All symbols, sorted."""
        return sorted({s for row in self.moves.values() for s in row if s is not None})

    @property
    def is_deterministic(self) -> bool:
        """Whether there is one way to read any string, at most."""
        rows = self.moves.values()
        one = len(self.starts) == 1 and not any(None in row for row in rows)
        return one and all(len(targets) == 1 for row in rows for targets in row.values())


def determinised(nfa: Nfa, symbols: list[str]) -> tuple[Table, set[int], list[str]]:
    """The subset construction: states are sets of states, of which only reached ones are made.

    Returns:
        the table, the accepting states, and a name for each state: q, or {p, q} of several.

    Raises:
        ValueError: there are too many such sets.
    """
    return _numbered(nfa, symbols) if nfa.is_deterministic else _subsets(nfa, symbols)


def _subsets(nfa: Nfa, symbols: list[str]) -> tuple[Table, set[int], list[str]]:
    """What `determinised` returns of any automaton."""
    start = _closed(nfa, nfa.starts)
    numbers = {start: 0}
    waiting, table = [start], []
    for states in waiting:  # grows meanwhile
        row = []
        for symbol in symbols:
            reached = [to for state in states for to in nfa.moves.get(state, {}).get(symbol, [])]
            following = _closed(nfa, reached)
            if not following:
                row.append(DEAD)
                continue
            if following not in numbers:
                numbers[following] = len(waiting)
                waiting.append(following)
                if len(waiting) > MOST_STATES:
                    raise ValueError(
                        f"must have at most {MOST_STATES} states when it is made deterministic "
                        f"(sets of its {len(nfa.moves)} states); give a deterministic one, with "
                        "one transition per state and symbol"
                    )
            row.append(numbers[following])
        table.append(row)
    accepting = {i for states, i in numbers.items() if not nfa.accepting.isdisjoint(states)}
    return table, accepting, [_named(states) for states in waiting]


def _numbered(nfa: Nfa, symbols: list[str]) -> tuple[Table, set[int], list[str]]:
    """What `determinised` returns of a deterministic automaton, in less time."""
    states, table = list(nfa.starts), []
    numbers = {states[0]: 0}
    for state in states:  # grows meanwhile
        row, moves = [], nfa.moves.get(state, {})
        for symbol in symbols:
            if symbol not in moves:
                row.append(DEAD)
                continue
            to = moves[symbol][0]
            if to not in numbers:
                numbers[to] = len(states)
                states.append(to)
            row.append(numbers[to])
        table.append(row)
    if len(states) > MOST_STATES:
        raise ValueError(f"must have at most {MOST_STATES} states, has {len(states)}")
    return table, {numbers[state] for state in nfa.accepting if state in numbers}, states


def _closed(nfa: Nfa, states: list[str]) -> tuple[str, ...]:
    """The states, and those that are reached from them without a symbol; sorted."""
    found = dict.fromkeys(states)
    waiting = list(found)
    for state in waiting:  # grows meanwhile
        new = [to for to in nfa.moves.get(state, {}).get(None, []) if to not in found]
        found |= dict.fromkeys(new)
        waiting += new
    return tuple(sorted(found))


def _named(states: tuple[str, ...]) -> str:
    return states[0] if len(states) == 1 else "{" + ", ".join(states) + "}"
