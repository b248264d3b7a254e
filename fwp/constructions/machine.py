"""Languages with finitely many states, as minimal tables of transitions."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

from fwp.constructions.construction import NoConstructionError
from fwp.languages import _machine
from fwp.languages.base import Language

MOST_STATES = 2000
DEAD = -1


@dataclass(frozen=True)
class Machine:
    """A Moore machine; state 0 is the start.

    Attributes:
        rows: next state by state and token; `DEAD` where the string cannot go on so.
        targets: class by state; negative where a position has none.
    """

    rows: tuple[tuple[int, ...], ...]
    targets: tuple[int, ...]

    @cached_property
    def columns(self) -> list[tuple[int, ...]]:
        """What different symbols do: the next state by state. Symbols may share a column."""
        return list(dict.fromkeys(zip(*self.rows, strict=True)))

    @cached_property
    def column_of(self) -> list[int]:
        """The number of each symbol's column."""
        return [self.columns.index(column) for column in zip(*self.rows, strict=True)]


@lru_cache(maxsize=64)
def machine_of(language: Language, limit: int = MOST_STATES) -> Machine:
    """The minimal machine of a language.

    Raises:
        NoConstructionError: there are more than `limit` states.
    """
    following = _machine.states_of(language, limit)
    if following is None:
        raise NoConstructionError(f"{language.name} has more than {limit} states")
    numbers = {state: number for number, state in enumerate(following)}
    rows = [
        [numbers[after[symbol]] if symbol in after else DEAD for symbol in language.alphabet]
        for after in following.values()
    ]
    return _minimal(rows, [language.target(state) for state in following])


def _minimal(rows: list[list[int]], targets: list[int]) -> Machine:
    """Merge states after which the same strings have the same labels (Moore 1956)."""
    blocks, count = targets, 0
    while True:
        keys = [
            (blocks[s], *(DEAD if to == DEAD else blocks[to] for to in row))
            if count
            else (targets[s], *(to == DEAD for to in row))
            for s, row in enumerate(rows)
        ]
        numbers = {key: i for i, key in enumerate(dict.fromkeys(keys))}
        blocks = [numbers[key] for key in keys]
        if len(numbers) == count:
            break
        count = len(numbers)
    first = [blocks.index(block) for block in range(count)]
    return Machine(
        tuple(tuple(DEAD if to == DEAD else blocks[to] for to in rows[s]) for s in first),
        tuple(targets[s] for s in first),
    )
