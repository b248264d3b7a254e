"""Rotations of the icosahedron, one after another, and where they take a point."""

from math import sqrt

from fwp.languages._groups import closure, generators_of, product
from fwp.languages.tracking import Tracking
from fwp.languages.word_problem import SYMBOLS

Point = tuple[float, float, float]
Matrix = tuple[Point, Point, Point]

BY_THIRD: Matrix = ((0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
SHORT, LONG = (sqrt(5) - 1) / 4, (sqrt(5) + 1) / 4
BY_FIFTH: Matrix = ((SHORT, -LONG, 0.5), (LONG, 0.5, SHORT), (-0.5, SHORT, LONG))
CORNER: Point = (1 / sqrt(3), 1 / sqrt(3), 1 / sqrt(3))


class Rotation(Tracking):
    """Where the point (1, 1, 1)/√3 is after the rotations read so far, one symbol each.

    Heo et al. 2026, A5 as the 60 rotations R of an icosahedron:

        v_t = R_t v_(t−1),  v_0 = (1, 1, 1)/√3

    There, a model gives three numbers, and the measure is the mean squared error. The point lies on
    an axis of a third of a turn, so that v takes 20 values alone: the corners of a dodecahedron.
    Here the target is which of them. Classes are named by coordinates.

    Args:
        labels: see `Tracking`.
    """

    name = "rotation"
    title = "Rotation"

    def __init__(self, *, labels: str = "every"):
        turns = _turns()
        self.inputs = tuple(SYMBOLS[: len(turns)])
        corners = {_name(point): point for point in (_turned(turn, CORNER) for turn in turns)}
        self.classes = tuple(sorted(corners, reverse=True))
        number = {name: i for i, name in enumerate(self.classes)}
        self._moves = {
            symbol: tuple(number[_name(_turned(turn, corners[name]))] for name in self.classes)
            for symbol, turn in zip(self.inputs, turns, strict=True)
        }
        self.initial = number[_name(CORNER)]
        super().__init__(labels)

    def move(self, state: int, symbol: str) -> int:
        return self._moves[symbol][state]

    def show(self, state: int) -> int:
        return state


def _turns() -> list[Matrix]:
    """The rotations, in the order of the permutations of A5 that they stand for.

    The three-cycle (0 1 2) is a third of a turn, and the cycle (0 2 4 1 3) a fifth. Their product
    is of order two, as that of the matrices.
    """
    steps = (((1, 2, 0, 3, 4), BY_THIRD), ((2, 3, 4, 0, 1), BY_FIFTH))
    identity: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    found = {tuple(range(5)): identity}
    for p in (waiting := [*found]):  # grows meanwhile
        for step, turn in steps:
            if (q := product(p, step)) not in found:
                first, second, third = (_turned(found[p], c) for c in zip(*turn, strict=True))
                x, y, z = zip(first, second, third, strict=True)
                found[q] = (x, y, z)
                waiting.append(q)
    return [found[p] for p in closure(generators_of("A5"))]


def _turned(turn: Matrix, point: Point) -> Point:
    x, y, z = (sum(a * b for a, b in zip(row, point, strict=True)) for row in turn)
    return x, y, z


def _name(point: Point) -> str:
    """Coordinates in thousandths, by which corners differ."""
    return " ".join(f"{round(coordinate, 3) + 0.0:.3f}" for coordinate in point)
