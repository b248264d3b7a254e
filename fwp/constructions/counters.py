"""Languages that a few counters recognise, which the last symbol moves or clears.

The target is a function of the last symbol and of which counters are 0. The function is read off
short strings, and a language for which it is none is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fwp.constructions.construction import NoConstructionError
from fwp.languages.base import NO_TARGET, Language

TRIED = 5_000  # states of short strings

Moves = dict[str, tuple[int, ...] | None]
"""What a symbol adds to each counter; None clears all of them."""


@dataclass(frozen=True)
class Counted:
    """A language as counters, which are 0 at first.

    Attributes:
        alphabet: of the language.
        moves: what each symbol does.
        limit: what counters are compared with.
        cases: {(token, which counters are above the limit): class}, all that occur; the token is
            None if it does not matter.
        classes: number of classes.
    """

    alphabet: tuple[str, ...]
    moves: Moves
    limit: int
    cases: dict[tuple[int | None, tuple[bool, ...]], int]
    classes: int

    @property
    def counters(self) -> int:
        """How many there are."""
        return next(len(move) for move in self.moves.values() if move is not None)

    @property
    def largest(self) -> int:
        """The largest step of a counter."""
        return max(abs(step) for move in self.moves.values() for step in move or ())

    @property
    def clears(self) -> tuple[bool, ...]:
        """Which symbols clear the counters."""
        return tuple(self.moves[symbol] is None for symbol in self.alphabet)

    def steps(self, counter: int) -> tuple[int, ...]:
        """What each symbol adds to a counter."""
        found = (self.moves[symbol] for symbol in self.alphabet)
        return tuple(0 if move is None else move[counter] for move in found)


def counted(language: Language) -> Counted:
    """A language as counters.

    Raises:
        NoConstructionError: it is none of those that are known to be so.
    """
    if language.name not in _MOVES:
        raise NoConstructionError(f"{language.name} is not known as a language of few counters")
    moves, limit = _MOVES[language.name](language)
    cases: dict[tuple[int | None, tuple[bool, ...]], int] = {}
    width = next(len(move) for move in moves.values() if move is not None)
    found = {(language.start, (0,) * width): None}
    for state, counts in (waiting := list(found)):  # grows meanwhile
        if len(found) > TRIED:
            break
        for token, symbol in enumerate(language.alphabet):
            after, move = language.step(state, symbol), moves[symbol]
            if after is None:
                continue
            now = tuple(a + b for a, b in zip(counts, move or (), strict=False)) or (0,) * width
            target = language.target(after)
            if target != NO_TARGET:
                case = token, tuple(count > limit for count in now)
                if cases.setdefault(case, target) != target:
                    raise NoConstructionError(f"{language.name} is no language of these counters")
            if (after, now) not in found:
                found[after, now] = None
                waiting.append((after, now))
    alone: dict[tuple[int | None, tuple[bool, ...]], int] = {}
    for (_, above), target in cases.items():
        if alone.setdefault((None, above), target) != target:
            break
    else:
        cases = alone
    return Counted(language.alphabet, moves, limit, cases, len(language.classes))


def _brackets(language: Language) -> tuple[Moves, int]:
    """One counter per kind of brackets."""
    kinds = len(language.alphabet) // 2
    moves: Moves = {}
    for i in range(kinds):
        opening, closing = language.alphabet[2 * i : 2 * i + 2]
        moves[opening] = tuple(int(j == i) for j in range(kinds))
        moves[closing] = tuple(-int(j == i) for j in range(kinds))
    return moves, 0


def _blocks(language: Language) -> tuple[Moves, int]:
    """The letters after the first are owed: as many of each as there were of the first."""
    first, *others = language.alphabet
    moves: Moves = {first: (1,) * len(others)}
    for i, letter in enumerate(others):
        moves[letter] = tuple(-int(j == i) for j in range(len(others)))
    return moves, 0


def _operands(language: Language) -> tuple[Moves, int]:
    """Operands that are due, less the one at the start."""
    return {s: (max(i - 2, -1),) for i, s in enumerate(language.alphabet, start=0)}, -1


_MOVES: dict[str, Callable[[Language], tuple[Moves, int]]] = {
    "dyck_1": _brackets,
    "reset_dyck_1": lambda _: ({"(": (1,), ")": (-1,), "1": None}, 0),
    "majority": lambda _: ({"0": (-1,), "1": (1,)}, 0),
    **dict.fromkeys(("shuffle_2", "shuffle_4", "shuffle_6"), _brackets),
    **dict.fromkeys(("anbn", "anbncn", "anbncndn"), _blocks),
    **dict.fromkeys(("boolean_3", "boolean_5"), _operands),
}
NAMES = tuple(_MOVES)
"""Names of the languages that are known to be so."""
