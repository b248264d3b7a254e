"""Word problems of finite groups: the product of the elements read so far."""

import re
import string
from itertools import accumulate
from math import factorial, prod

from fwp.languages._checks import shown
from fwp.languages.tracking import Tracking

SYMBOLS = string.digits + string.ascii_letters + "".join(map(chr, range(0xC0, 0x17F)))
MOST_ELEMENTS = 10_000

Permutation = tuple[int, ...]
"""p[i] is where i goes."""


class WordProblem(Tracking):
    """Product g_1 g_2 … g_t in a finite group of the elements read so far, one symbol each.

    Merrill, Petty and Sabharwal 2024; Siems et al. 2025. A group is named Z5, S4, A5 or, for a
    direct product, S3xZ2. Elements are permutations, those of a product of disjoint points, in the
    order of their one-line notation (012, 021, …), which also names the classes; the rightmost
    factor acts first. Word problems of S5 and A5, which are not solvable, are complete for NC¹.

    Args:
        group: Z (cyclic), S (symmetric) or A (alternating) with a number of points, joined by x.
        elements: "all" are symbols, or "generators" alone: a swap and a cycle of all points for S,
            three-cycles (0 1 i) for A, a cycle for Z; those of each factor for a product.
        labels: see `Tracking`.
    """

    name = "word_problem"
    title = "{group}"

    def __init__(self, *, group: str, elements: str = "all", labels: str = "every"):
        if elements not in ("all", "generators"):
            raise ValueError(f"elements: must be one of all, generators, got {shown(elements)}")
        generators = generators_of(group)
        members = closure(generators)
        read = members if elements == "all" else generators
        if len(read) > len(SYMBOLS):
            raise ValueError(
                f"group: must have at most {len(SYMBOLS)} elements where all are symbols, "
                f"{group} has {len(members)}; elements: generators allows more"
            )
        self.inputs = tuple(SYMBOLS[: len(read)])
        self.classes = tuple(one_line(member) for member in members)
        self.initial = members[0]
        self._meaning = dict(zip(self.inputs, read, strict=True))
        self._index = {member: i for i, member in enumerate(members)}
        super().__init__(labels)

    def move(self, state: Permutation, symbol: str) -> Permutation:
        return product(state, self._meaning[symbol])

    def show(self, state: Permutation) -> int:
        return self._index[state]


def product(p: Permutation, q: Permutation) -> Permutation:
    """First `q`, then `p`."""
    return tuple([p[i] for i in q])


def one_line(p: Permutation) -> str:
    """Where 0, 1, … go, in one line: 120; with dots if there are more than ten points."""
    return ("." if len(p) > 10 else "").join(map(str, p))


def generators_of(group: str) -> list[Permutation]:
    """Generators of a group given by name; ValueError if there is no such group or it is large."""
    names = str(group).split("x")
    factors = [found for name in names if (found := re.fullmatch(r"([ZSA])([1-9]\d?)", name))]
    if len(factors) < len(names):
        raise ValueError(
            f"group: must be Z, S or A with a number of points, or several of them joined by x "
            f"(S3xZ2), got {shown(group)}"
        )
    kinds = [(factor[1], int(factor[2])) for factor in factors]
    least = {"S": 2, "A": 3, "Z": 2}
    for kind, points in kinds:
        if points < least[kind]:
            raise ValueError(
                f"group: {kind} must have at least {least[kind]} points, got {shown(group)}"
            )
    order = prod(
        points if kind == "Z" else factorial(points) // (1 + (kind == "A"))
        for kind, points in kinds
    )
    if order > MOST_ELEMENTS:
        number, name = (order, group) if order < 10**9 else ("far more", shown(group))
        raise ValueError(f"group: must have at most {MOST_ELEMENTS} elements, {name} has {number}")
    sizes = [points for _, points in kinds]
    found = []
    for (kind, points), before in zip(kinds, accumulate([0, *sizes]), strict=False):
        for cycle in _cycles(kind, points):
            p = list(range(sum(sizes)))
            for i, j in zip(cycle, cycle[1:] + cycle[:1], strict=True):
                p[before + i] = before + j
            found.append(tuple(p))
    return list(dict.fromkeys(found))


def _cycles(kind: str, points: int) -> list[list[int]]:
    """Cycles that generate Z, S or A of so many points."""
    if kind == "A":
        return [[0, 1, i] for i in range(2, points)]
    whole = list(range(points))
    return [[0, 1], whole] if kind == "S" else [whole]


def closure(generators: list[Permutation]) -> list[Permutation]:
    """All products of generators, sorted; the identity comes first."""
    identity = tuple(range(len(generators[0])))
    found = {identity: None}
    for p in (waiting := [identity]):  # grows meanwhile
        for g in generators:
            if (q := product(p, g)) not in found:
                found[q] = None
                waiting.append(q)
    return sorted(found)
