"""Pieces of subregular languages: small complete automata, each of which says a number of a string.

The number is how often a factor occurs, whether a subsequence does, and so on. A language of a
class of logical formulas is a Boolean function of such numbers. Symbols are tokens here; a factor
may also hold the marks of both ends, as it is looked for in ⋊w⋉.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import NamedTuple

from fwp.languages._paths import Table

BEGIN, END = -1, -2
"""Marks of the two ends of a string."""
MOST_STATES = 5_000  # of a product


class TooManyStatesError(ValueError):
    """A product is larger than what is of use."""


class Piece(NamedTuple):
    """A complete automaton with a number for each state; state 0 is the start.

    says: what the number is of, such as ("factor", (BEGIN, 0, 1)).
    """

    says: tuple
    table: Table
    values: list[int]

    @property
    def range(self) -> int:
        """Numbers are below it."""
        return max(self.values) + 1


def occurrences(factor: Sequence[int], symbols: int, most: int = 1) -> Piece:
    """How often a factor occurs in ⋊w⋉, `most` for that often or more; overlaps count."""
    factor = tuple(factor)

    def after(state: tuple[int, int], token: int) -> tuple[int, int]:
        matched = _matched(factor, state[0], token)
        return matched, min(most, state[1] + (matched == len(factor)))

    start = after((0, 0), BEGIN)
    says = ("factor", factor) if most == 1 else ("factor", factor, most)
    return _piece(says, start, after, lambda state: after(state, END)[1], range(symbols))


def subsequence(tokens: Sequence[int], symbols: int) -> Piece:
    """Whether symbols occur in this order, apart or not."""

    def after(state: int, token: int) -> int:
        return state + (state < len(tokens) and tokens[state] == token)

    last = len(tokens)
    return _piece(("subsequence", tuple(tokens)), 0, after, last.__eq__, range(symbols))


def in_order(factors: Sequence[Sequence[int]], symbols: int) -> Piece:
    """Whether factors occur one after another, without overlaps."""

    def after(state: tuple[int, int], token: int) -> tuple[int, int]:
        found, matched = state
        if found == len(factors):
            return state
        matched = _matched(factors[found], matched, token)
        return (found + 1, 0) if matched == len(factors[found]) else (found, matched)

    says = ("in order", *map(tuple, factors))
    return _piece(says, (0, 0), after, lambda s: s[0] == len(factors), range(symbols))


def counter(weights: Sequence[int], modulus: int) -> Piece:
    """The sum of the weights of all symbols, modulo a number."""

    def after(state: int, token: int) -> int:
        return (state + weights[token]) % modulus

    says = ("sum", tuple(weights), modulus)
    return _piece(says, 0, after, int, range(len(weights)))


def cascade(rules: Sequence[dict[tuple, int | None]], symbols: int) -> Piece:
    """The bits of a cascade of resets, as a number; its first bit counts most.

    Args:
        rules: for each bit, what it becomes, by (bits before it, token); None leaves it.
    """

    def after(state: tuple[int, ...], token: int) -> tuple[int, ...]:
        new = [rule[(*state[:i], token)] for i, rule in enumerate(rules)]
        return tuple(old if bit is None else bit for old, bit in zip(state, new, strict=True))

    def value(state: tuple[int, ...]) -> int:
        return int("".join(map(str, state)), 2)

    return _piece(("cascade", *rules), (0,) * len(rules), after, value, range(symbols))


def on_tier(piece: Piece, tier: Iterable[int]) -> Piece:
    """The same of what a string leaves when all symbols but those of the tier are taken out."""
    salient = set(tier)
    table = [
        [to if token in salient else state for token, to in enumerate(row)]
        for state, row in enumerate(piece.table)
    ]
    return piece._replace(table=table)


def combined(pieces: Sequence[Piece], accepted: set[tuple]) -> tuple[Table, set[int]]:
    """The product of pieces; it accepts where their numbers are in `accepted`.

    Raises:
        TooManyStatesError: it has more than `MOST_STATES`.
    """
    tables = [piece.table for piece in pieces]

    def after(state: tuple[int, ...], token: int) -> tuple[int, ...]:
        return tuple([table[s][token] for table, s in zip(tables, state, strict=True)])

    def value(state: tuple[int, ...]) -> bool:
        return tuple(p.values[s] for p, s in zip(pieces, state, strict=True)) in accepted

    start = (0,) * len(pieces)
    whole = _piece((), start, after, value, range(len(tables[0][0])))
    return whole.table, {state for state, value in enumerate(whole.values) if value}


def _piece(
    says: tuple,
    start: Hashable,
    after: Callable,
    value: Callable,
    tokens: range,
) -> Piece:
    """Number the states that can be reached."""
    states, table = [start], []
    numbers = {start: 0}
    for state in states:  # grows meanwhile
        row = []
        for token in tokens:
            to = after(state, token)
            if to not in numbers:
                if len(states) == MOST_STATES:
                    raise TooManyStatesError(f"must have at most {MOST_STATES} states")
                numbers[to] = len(states)
                states.append(to)
            row.append(numbers[to])
        table.append(row)
    return Piece(says, table, [int(value(state)) for state in states])


def _matched(factor: Sequence[int], matched: int, token: int) -> int:
    """How long a beginning of `factor` ends with `token`, `matched` symbols of it being before."""
    read = (*factor[:matched], token)
    longest = min(len(factor), len(read))
    return next(n for n in range(longest, -1, -1) if read[len(read) - n :] == tuple(factor[:n]))
