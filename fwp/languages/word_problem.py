"""Word problems of finite groups: the product of the elements read so far."""

import string

from fwp.languages._checks import check_choice
from fwp.languages._groups import (
    Permutation,
    closure,
    generators_of,
    identity_and_swaps,
    one_line,
    product,
)
from fwp.languages.tracking import Tracking

SYMBOLS = string.digits + string.ascii_letters + "".join(map(chr, range(0xC0, 0x17F)))


class WordProblem(Tracking):
    """Product g_1 g_2 … g_t in a finite group of the elements read so far, one symbol each.

    Merrill, Petty and Sabharwal 2024; Siems et al. 2025; Heo et al. 2026. A group is named Z5, S4,
    A5, D8, H3, Q8 or, for a direct product, S3xZ2. Elements are permutations, those of a product of
    disjoint points, in the order of their one-line notation (012, 021, …), which also names the
    classes; the rightmost factor acts first. Word problems of S5 and A5, which are not solvable,
    are complete for NC¹.

    Args:
        group: Z (cyclic), S (symmetric) or A (alternating) with a number of points; D (dihedral)
            with an order, so that D8 has the eight symmetries of a square; H (Heisenberg) with a
            modulus, so that H3 has the 27 matrices [1 a c; 0 1 b; 0 0 1] modulo 3; Q8, the
            quaternions; or several of these, joined by x.
        elements: "all" are symbols, or "generators" alone: a swap and a cycle of all points for S,
            three-cycles (0 1 i) for A, a cycle for Z, a turn and a flip for D, the matrices with
            a = 1 and with b = 1 for H, i and j for Q8; those of each factor for a product. For S
            also "swaps": the identity and all swaps of two points.
        labels: see `Tracking`.
    """

    name = "word_problem"
    title = "{group}"

    def __init__(self, *, group: str, elements: str = "all", labels: str = "every"):
        check_choice("elements", elements, ("all", "generators", "swaps"))
        generators = generators_of(group)
        members = closure(generators)
        read = {"all": members, "generators": generators}.get(elements)
        if read is None:
            read = identity_and_swaps(group)
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
