"""Automata as bits in series, each of which the symbol and the bits before it keep, set or flip.

Such a series exists if there is a chain of congruences from "all states are alike" to "no two are"
in which each splits the classes of the one before into two at most: the bits say which half. By the
theorem of Krohn and Rhodes (1965) every automaton without groups, and many with, is of this kind
after more states are added. None are added here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from fwp.constructions.construction import NoConstructionError
from fwp.constructions.machine import DEAD, Machine

MOST_CONGRUENCES = 400
MOST_STATES = 40  # of automata whose congruences are looked for, which takes a second then

Partition = tuple[int, ...]
"""The class of each state, numbered in the order of the first states."""


@dataclass(frozen=True)
class Bit:
    """A bit of a series.

    Attributes:
        start: its value before the first symbol.
        moves: {(column, the bits before it, as they were): what it does}: keep, clear, set or flip.
    """

    start: bool
    moves: dict[tuple[int, tuple[bool, ...]], str]


def series(machine: Machine) -> tuple[list[Bit], dict[tuple[bool, ...], int]]:
    """The bits of a machine, and what its states are in bits: {bits: state}.

    Bits that need no flip come first in the choice: not every model can flip one.

    Raises:
        NoConstructionError: there is no such chain.
    """
    if len(machine.rows) > MOST_STATES:
        raise NoConstructionError(f"needs at most {MOST_STATES} states, to look for bits in series")
    if (chain := _best_chain(machine)) is None:
        raise NoConstructionError("needs states that are bits in series, each kept, set or flipped")
    codes: list[tuple[bool, ...]] = [()] * len(machine.rows)
    bits = []
    for coarse, fine in pairwise(chain):
        own, moves = _split(machine, coarse, fine)
        code_of = dict(zip(coarse, codes, strict=True))
        bits.append(Bit(own[0], {(c, code_of[block]): m for (c, block), m in moves.items()}))
        codes = [(*code, bit) for code, bit in zip(codes, own, strict=True)]
    return bits, {code: state for state, code in enumerate(codes)}


@lru_cache(maxsize=64)
def _best_chain(machine: Machine) -> list[Partition] | None:
    """One without flips if there is one; None, too, is remembered, as many models ask for it."""
    known = _congruences(machine)
    return _chain(machine, known, flips=False) or _chain(machine, known, flips=True)


def _split(
    machine: Machine, coarse: Partition, fine: Partition
) -> tuple[list[bool], dict[tuple[int, int], str]]:
    """The bit of each state that halves the classes, and what is done to it by column and class."""
    first: dict[int, int] = {}
    for block, part in zip(coarse, fine, strict=True):
        first.setdefault(block, part)
    own = [part != first[block] for block, part in zip(coarse, fine, strict=True)]
    done: dict[tuple[int, int], set[tuple[bool, bool]]] = {}
    for c, column in enumerate(machine.columns):
        for state, to in enumerate(column):
            if to != DEAD:
                done.setdefault((c, coarse[state]), set()).add((own[state], own[to]))
    return own, {case: _move(pairs) for case, pairs in done.items()}


def _move(done: set[tuple[bool, bool]]) -> str:
    """What takes the first of each pair to the second."""
    if all(before == after for before, after in done):
        return "keep"
    if not any(after for _, after in done):
        return "clear"
    return "set" if all(after for _, after in done) else "flip"


def _congruences(machine: Machine) -> list[Partition]:
    """The finest, the coarsest, and others; all, if they are few."""
    size = len(machine.rows)
    finest, coarsest = tuple(range(size)), (0,) * size
    known = dict.fromkeys([finest, coarsest])
    for q in range(size):
        known |= dict.fromkeys(_joined(machine, finest, p, q) for p in range(q))
    for partition in (waiting := list(known)):  # grows meanwhile
        if len(known) > MOST_CONGRUENCES:
            break
        for other in list(known):
            if (both := _merged(machine, partition, other)) not in known:
                known[both] = None
                waiting.append(both)
    return list(known)


def _chain(machine: Machine, known: list[Partition], *, flips: bool) -> list[Partition] | None:
    """Congruences from the coarsest to the finest, each of which halves classes of the last."""
    finest, coarsest = known[:2] if len(known) > 1 else (known[0], known[0])
    came: dict[Partition, Partition | None] = {coarsest: None}
    for partition in (line := [coarsest]):  # grows meanwhile
        if partition == finest:
            break
        for finer in known:
            if finer in came or not _halves(partition, finer):
                continue
            if flips or "flip" not in _split(machine, partition, finer)[1].values():
                came[finer] = partition
                line.append(finer)
    if finest not in came:
        return None
    chain: list[Partition] = []
    step: Partition | None = finest
    while step is not None:
        chain.append(step)
        step = came[step]
    return chain[::-1]


def _halves(coarse: Partition, fine: Partition) -> bool:
    """Whether each class of the first is one or two of the second."""
    parts: dict[int, set[int]] = {}
    inside: dict[int, int] = {}
    for block, part in zip(coarse, fine, strict=True):
        parts.setdefault(block, set()).add(part)
        if inside.setdefault(part, block) != block:
            return False
    return fine != coarse and max(map(len, parts.values())) <= 2


def _joined(machine: Machine, partition: Partition, p: int, q: int) -> Partition:
    """The finest congruence above a partition in which two states are alike."""
    return _closed(machine, [partition[q] if b == partition[p] else b for b in partition])


def _merged(machine: Machine, partition: Partition, other: Partition) -> Partition:
    """The finest congruence above both."""
    blocks = list(partition)
    for p, q in _links(other):
        old, new = blocks[p], blocks[q]
        blocks = [new if b == old else b for b in blocks]
    return _closed(machine, blocks)


def _links(partition: Partition) -> Iterator[tuple[int, int]]:
    first: dict[int, int] = {}
    for state, block in enumerate(partition):
        if first.setdefault(block, state) != state:
            yield first[block], state


def _closed(machine: Machine, blocks: list[int]) -> Partition:
    """Merge classes until what a symbol does to a class leads into one class."""
    changed = True
    while changed:
        changed = False
        for column in machine.columns:
            leads: dict[int, int] = {}
            for state, to in enumerate(column):
                if to == DEAD:
                    continue
                block, old = blocks[to], leads.setdefault(blocks[state], blocks[to])
                if old != block:
                    blocks = [old if b == block else b for b in blocks]
                    leads = {a if a != block else old: b for a, b in leads.items()}
                    changed = True
                    break
            if changed:
                break
    numbers = {block: i for i, block in enumerate(dict.fromkeys(blocks))}
    return tuple(numbers[block] for block in blocks)
