"""Finite groups by name, as permutations."""

import re
from collections.abc import Callable
from itertools import combinations
from math import factorial, prod
from typing import NamedTuple

from fwp.languages._checks import shown

MOST_ELEMENTS = 10_000

Permutation = tuple[int, ...]
"""p[i] is where i goes."""


class Kind(NamedTuple):
    """Groups whose names begin with the same letter; a number follows it.

    Attributes:
        wants: what a group must have, in words.
        allows: whether it has this, by its number.
        order: how many elements there are.
        generators: permutations of as few points as are natural.
    """

    wants: str
    allows: Callable[[int], bool]
    order: Callable[[int], int]
    generators: Callable[[int], list[Permutation]]


def product(p: Permutation, q: Permutation) -> Permutation:
    """First `q`, then `p`."""
    return tuple([p[i] for i in q])


def one_line(p: Permutation) -> str:
    """Where 0, 1, … go, in one line: 120; with dots if there are more than ten points."""
    return ("." if len(p) > 10 else "").join(map(str, p))


def generators_of(group: str) -> list[Permutation]:
    """Generators of a group given by name; ValueError if there is no such group or it is large."""
    names = str(group).split("x")
    factors = [found for name in names if (found := re.fullmatch(r"([A-Z])([1-9]\d?)", name))]
    if len(factors) < len(names) or any(factor[1] not in KINDS for factor in factors):
        raise ValueError(
            "group: must be Z, S or A with a number of points, D with an order, H with a modulus, "
            f"Q8, or several of them joined by x (S3xZ2), got {shown(group)}"
        )
    kinds = [(factor[1], KINDS[factor[1]], int(factor[2])) for factor in factors]
    for letter, kind, number in kinds:
        if not kind.allows(number):
            raise ValueError(f"group: {letter} must have {kind.wants}, got {shown(group)}")
    order = prod(kind.order(number) for _, kind, number in kinds)
    if order > MOST_ELEMENTS:
        number, name = (order, group) if order < 10**9 else ("far more", shown(group))
        raise ValueError(f"group: must have at most {MOST_ELEMENTS} elements, {name} has {number}")
    own = [kind.generators(number) for _, kind, number in kinds]
    sizes = [len(generators[0]) for generators in own]
    found = []
    for i, generators in enumerate(own):
        before, after = sum(sizes[:i]), sum(sizes[: i + 1])
        for p in generators:
            moved = [before + point for point in p]
            found.append((*range(before), *moved, *range(after, sum(sizes))))
    return list(dict.fromkeys(found))


def identity_and_swaps(group: str) -> list[Permutation]:
    """The permutations of S that move at most two points, sorted; ValueError for other groups."""
    if not re.fullmatch(r"S\d+", str(group)):
        raise ValueError(f"elements: swaps are of a group S alone (S5), got group {shown(group)}")
    points = len(generators_of(group)[0])
    swaps = [_cycle(points, [i, j]) for i, j in combinations(range(points), 2)]
    return sorted([tuple(range(points)), *swaps])


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


def _cycle(points: int, cycle: list[int]) -> Permutation:
    """Each point of the cycle goes to the next, the last to the first; others stay."""
    p = list(range(points))
    for i, j in zip(cycle, cycle[1:] + cycle[:1], strict=True):
        p[i] = j
    return tuple(p)


def _turn(points: int) -> Permutation:
    return _cycle(points, list(range(points)))


def _turn_and_flip(order: int) -> list[Permutation]:
    """Of the corners of a polygon: to the next one, and about the axis through the first."""
    corners = order // 2
    return [_turn(corners), tuple(-i % corners for i in range(corners))]


def _shear_and_shift(modulus: int) -> list[Permutation]:
    """The matrices [1 a c; 0 1 b; 0 0 1] with a = 1 alone and with b = 1 alone.

    They act on columns (y, x, 1): the first adds x to y, the second 1 to x. The column has the
    number x·modulus + y.
    """
    columns = [divmod(number, modulus) for number in range(modulus**2)]
    shear = [x * modulus + (y + x) % modulus for x, y in columns]
    shift = [(x + 1) % modulus * modulus + y for x, y in columns]
    return [tuple(shear), tuple(shift)]


def _times_i_and_j(_: int) -> list[Permutation]:
    """1, i, j, k, −1, −i, −j, −k, the points 0 to 7, multiplied by i and by j from the left."""
    return [(1, 4, 3, 6, 5, 0, 7, 2), (2, 7, 4, 1, 6, 3, 0, 5)]


KINDS = {
    "Z": Kind("at least 2 points", lambda n: n >= 2, lambda n: n, lambda n: [_turn(n)]),
    "S": Kind(
        "at least 2 points",
        lambda n: n >= 2,
        factorial,
        lambda n: [_cycle(n, [0, 1]), _turn(n)],
    ),
    "A": Kind(
        "at least 3 points",
        lambda n: n >= 3,
        lambda n: factorial(n) // 2,
        lambda n: [_cycle(n, [0, 1, i]) for i in range(2, n)],
    ),
    "D": Kind(
        "an order that is even and at least 6",
        lambda n: n >= 6 and n % 2 == 0,
        lambda n: n,
        _turn_and_flip,
    ),
    "H": Kind("a modulus of at least 2", lambda n: n >= 2, lambda n: n**3, _shear_and_shift),
    "Q": Kind("8 elements", lambda n: n == 8, lambda n: n, _times_i_and_j),
}
"""By the letter: cyclic, symmetric, alternating, dihedral, Heisenberg, quaternions."""
