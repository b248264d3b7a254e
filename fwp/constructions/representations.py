"""Groups as orthogonal matrices, and these as products of reflections.

An orthogonal matrix that fixes all but n dimensions is a product of n reflections (Cartan and
Dieudonné): the one along A x - x brings A x back to x, and leaves all that A fixes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fwp.constructions.construction import NoConstructionError
from fwp.constructions.machine import DEAD, Machine
from fwp.languages.base import Language

MOST_ELEMENTS = 400
SAME = 1e-6


@dataclass(frozen=True)
class Representation:
    """Matrices of the symbols; after a string, their product decides the state.

    Attributes:
        matrices: by column of the machine, [m, m]; each multiplies from the left.
        reflections: by column, unit vectors [m], in the order in which they are applied.
        elements: products [m, m] of all strings.
        states: the state of the machine after each of them.
    """

    matrices: list[np.ndarray]
    reflections: list[list[np.ndarray]]
    elements: list[np.ndarray]
    states: list[int]

    @property
    def steps(self) -> int:
        """The most reflections of a symbol."""
        return max(map(len, self.reflections))


def represented(language: Language, machine: Machine, most: int) -> Representation:
    """A representation with few reflections per symbol.

    Args:
        most: how many there may be.

    Raises:
        NoConstructionError: the automaton is no group, or there is no such representation.
    """
    columns = machine.columns
    if any(len({*column}) < len(column) or DEAD in column for column in columns):
        raise NoConstructionError("needs symbols that permute all states")
    least = None
    for matrices in _candidates(language, machine):
        reflections = [reflected(matrix) for matrix in matrices]
        steps = max(map(len, reflections))
        least = steps if least is None else min(least, steps)
        if steps <= most and (found := _elements(machine, matrices)) is not None:
            return Representation(matrices, reflections, *found)
    raise NoConstructionError(f"needs householders: {least} or more, got {most}")


def turns_polygon(language: Language, machine: Machine) -> bool:
    """Whether the symbols turn or mirror a polygon whose corners say the state, or permute so."""
    if any(len({*column}) < len(column) or DEAD in column for column in machine.columns):
        return False
    points = _points(language, machine) or [list(column) for column in machine.columns]
    return _circle(points) is not None


def reflected(matrix: np.ndarray) -> list[np.ndarray]:
    """Unit vectors whose reflections, one after another, are the matrix."""
    found = []
    while True:
        moved = matrix - np.eye(len(matrix))
        lengths = np.linalg.norm(moved, axis=0)
        if lengths.max() < SAME:
            return found[::-1]
        vector = moved[:, lengths.argmax()] / lengths.max()
        found.append(vector)
        matrix = matrix - 2 * np.outer(vector, vector @ matrix)


def _candidates(language: Language, machine: Machine) -> Iterator[list[np.ndarray]]:
    """Matrices of the columns: of a polygon, of a cube, of permuted coordinates."""
    for points in (_points(language, machine), [list(column) for column in machine.columns]):
        if points is None:
            continue
        if (order := _circle(points)) is not None:
            yield [_planar(p, order) for p in points]
        swapped = [np.eye(len(p))[:, p] for p in points]
        if len(points[0]) == 4:  # the rotations of a cube permute its four diagonals
            basis = np.array([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]]) / 2
            yield [np.linalg.det(m) * (basis @ m @ basis.T) for m in swapped]
        yield swapped


def _points(language: Language, machine: Machine) -> list[list[int]] | None:
    """How the symbols of a word problem permute points, by column; the last one acts first.

    So the product that is read so far is multiplied from the right, and its inverse from the left.
    """
    if language.name != "word_problem" or "=" in language.alphabet:
        return None
    names: dict[int, str] = {}
    for symbol, column in zip(language.alphabet, machine.column_of, strict=True):
        names[column] = language.classes[language.label(symbol)[0]]
    shown = [names[c] for c in range(len(machine.columns))]
    permutations = [[int(p) for p in (n.split(".") if "." in n else n)] for n in shown]
    return [np.argsort(p).tolist() for p in permutations]


def _circle(points: list[list[int]]) -> list[int] | None:
    """The places of points on a circle that each permutation turns or mirrors."""
    size = len(points[0])
    for p in points:
        circle = [0]
        while p[circle[-1]] != 0:
            circle.append(p[circle[-1]])
        if len(circle) == size > 1:
            place = {point: i for i, point in enumerate(circle)}
            order = [place[i] for i in range(size)]
            if all(_turn(own, order) is not None for own in points):
                return order
    return None


def _turn(p: list[int], order: list[int]) -> tuple[int, int] | None:
    """(1, c) if each place i goes to i + c, (-1, c) if to c - i."""
    size = len(p)
    for sign in (1, -1):
        shifts = {(order[p[i]] - sign * order[i]) % size for i in range(size)}
        if len(shifts) == 1:
            return sign, shifts.pop()
    return None


def _planar(p: list[int], order: list[int]) -> np.ndarray:
    turn = _turn(p, order)
    assert turn is not None
    sign, shift = turn
    angle = 2 * np.pi * shift / len(p)
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin * sign], [sin, cos * sign]])


def _elements(
    machine: Machine, matrices: list[np.ndarray]
) -> tuple[list[np.ndarray], list[int]] | None:
    """All products with their states; None if a product does not decide the state."""
    start = np.eye(len(matrices[0]))
    elements, states, known = [start], [0], {_key(start): 0}
    for number, element in enumerate(elements):  # grows meanwhile
        for matrix, column in zip(matrices, machine.columns, strict=True):
            after, state = matrix @ element, column[states[number]]
            at = known.setdefault(_key(after), len(elements))
            if at == len(elements):
                elements.append(after)
                states.append(state)
            elif states[at] != state:
                return None
        if len(elements) > MOST_ELEMENTS:
            return None
    return elements, states


def _key(matrix: np.ndarray) -> tuple[int, ...]:
    return tuple(np.rint(1e4 * matrix.ravel()).astype(int).tolist())
