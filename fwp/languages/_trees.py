"""Weights of nested lists by their length and depth: to count them, and to draw them."""

from bisect import bisect
from collections.abc import Iterator, Sequence

import numpy as np

FEW = 128  # symbols; of so few, the limits are remembered


class Trees:
    """Sums of weights over all nested lists of a length.

    A list is an operator, arguments and an end; an argument is a leaf of one symbol, or a list. A
    list of leaves has height 1. The weight of a list is the product of the weights of its leaves
    and of the numbers of arguments. So there are as many lists as the sum of their weights, if the
    weight of a leaf is the number of leaves, and of all others the number of operators.

    Args:
        height: greatest height.
        length: greatest length.
        arities: weight of a list of so many arguments, from 0 on.
        leaf: weight of a leaf.
        dtype: object for exact numbers.
        most: sums that are greater count as this.
    """

    def __init__(
        self,
        height: int,
        length: int,
        arities: Sequence[float],
        leaf: float,
        *,
        dtype: type = float,
        most: float | None = None,
    ):
        self.length, self.arities = length, arities
        self._dtype, self._most = dtype, most
        self._limits: dict[tuple, tuple] = {}
        none, leaves = self._zeros(), self._zeros()
        leaves[1] = leaf
        # By greatest height: weights of an argument, and of several of them by their number. The
        # same for those of just that height, and for several with at least one of them.
        self.within, self.several = [leaves], [self._powers(leaves)]
        self.deep, self.deeply = [leaves], [[none, *self.several[0][1:]]]
        for at in range(1, height):
            self.within.append(leaves + self.lists(at, deep=False))
            self.deep.append(self.lists(at, deep=True))
            self.several.append(self._powers(self.within[-1]))
            deeply = [none]
            for any_ in self.several[-1][:-1]:
                first = self._product(self.deep[-1], any_)
                later = self._product(self.within[-2], deeply[-1])
                deeply.append(self._capped(first + later))
            self.deeply.append(deeply)

    def lists(self, height: int, *, deep: bool) -> np.ndarray:
        """Weights of lists by length: of at most the height, or of just that height if `deep`."""
        total = self._zeros()
        if height:
            arguments = (self.deeply if deep else self.several)[height - 1]
            for weight, weights in zip(self.arities, arguments, strict=True):
                total[2:] += weight * weights[:-2]
        return self._capped(total)

    def endings(self, open_: Sequence[int], height: int, length: int) -> int:
        """Number of ways to close lists with `length` symbols, by weights that are numbers.

        Args:
            open_: how many arguments each open list has, from the outermost.
            height: that the outermost may have at most.
            length: symbols left.
        """
        if height < len(open_):
            return 0
        ways = self._zeros()
        ways[0] = 1
        for depth, arguments in enumerate(open_, 1):
            ending = self._zeros()
            for more, weights in enumerate(self.several[height - depth]):
                if 2 <= arguments + more < len(self.arities):
                    ending[1:] += weights[:-1]
            ways = self._product(ways, ending)
        return ways[length]

    def draw(self, length: int, height: int, chance: Iterator[float], *, deep: bool) -> list[int]:
        """A list, in proportion to its weight, as numbers of arguments: 0 is a leaf, -1 an end."""
        drawn: list[int] = []
        waiting: list[tuple] = [(None, length, height, deep)]
        while waiting:
            number, left, height, deep = waiting.pop()
            if number is None:
                number = self._choose(("arity", left, height, deep), chance)
                drawn.append(number)
                waiting += [(-1, 0, 0, False), (number, left - 2, height - 1, deep)]
            elif number == -1:
                drawn.append(-1)
            elif number == left:
                drawn += [0] * number
            else:
                deep = deep and height > 0
                size = self._choose((number, left, height, deep), chance)
                first = deep and size <= left
                if not first and deep:
                    size -= left
                waiting.append((number - 1, left - size, height, deep and not first))
                if size == 1 and not first:
                    drawn.append(0)
                else:
                    waiting.append((None, size, height - (deep and not first), first))
        return drawn

    def _choose(self, case: tuple, chance: Iterator[float]) -> int:
        """A number of arguments of a list, or the size of the first of several arguments.

        Where one of them must be as deep as may be: left + 1 and so on if the first is not that.
        """
        limits = self._limits.get(case)
        if limits is None:
            limits = np.cumsum(self._shares(case))
            if case[1] > FEW:
                return int(np.searchsorted(limits, next(chance) * limits[-1], "right"))
            limits = self._limits[case] = tuple(limits.tolist())
        return bisect(limits, next(chance) * limits[-1])

    def _shares(self, case: tuple) -> np.ndarray:
        number, left, height, deep = case
        if number == "arity":
            arguments = (self.deeply if deep else self.several)[height - 1]
            weights = np.array([weights[left - 2] for weights in arguments])
            return weights * np.array(self.arities)
        sizes = slice(0, left + 1)
        if not deep:
            return self.within[height][sizes] * self.several[height][number - 1][left::-1]
        first = self.deep[height][sizes] * self.several[height][number - 1][left::-1]
        later = self.within[height - 1][sizes] * self.deeply[height][number - 1][left::-1]
        return np.concatenate([first, later[1:]])

    def _zeros(self) -> np.ndarray:
        return np.array([0] * (self.length + 1), dtype=self._dtype)

    def _powers(self, weights: np.ndarray) -> list[np.ndarray]:
        one = self._zeros()
        one[0] = 1
        powers = [one]
        for _ in self.arities[1:]:
            powers.append(self._product(powers[-1], weights))
        return powers

    def _product(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return self._capped(np.convolve(left, right)[: self.length + 1])

    def _capped(self, weights: np.ndarray) -> np.ndarray:
        return weights if self._most is None else np.minimum(weights, self._most)
