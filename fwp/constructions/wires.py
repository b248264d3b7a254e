"""Truth values in the skip connection, which feed-forward parts compute from each other.

A wire is a pair of units v and -v, with v = ±1 for true and false. So the mean is 0, and a layer
normalisation multiplies all wires by one number. Sums of wires keep their signs, whatever that
number is; a wire that is always true takes the place of biases. What a mixer writes is a pair, too.
"""

from collections.abc import Mapping

import numpy as np

from fwp.constructions.construction import STEEP, require_width

Name = tuple[str, int]
ONE: Name = ("one", 0)


class Stack:
    """Blocks, and the wires that they write; all wires stay to the end.

    Args:
        first: the wires of the embedding, by name, the values of all symbols, ±1.
        size: what stands for 1. With a large one, the norms' ε is lost to rounding.
    """

    def __init__(self, first: Mapping[Name, list[int]], size: float = 1.0):
        self.size = size
        symbols = len(next(iter(first.values())))
        self.wires: dict[Name, int] = {}
        self.embedded = {ONE: [1] * symbols, **first}
        for name in self.embedded:
            self.add(name)
        self.blocks: list[dict[Name, Mapping[Name, float]]] = []
        self.written: list[int] = []

    def add(self, name: Name) -> None:
        """A wire that is 0 until something writes it."""
        self.wires[name] = 2 * len(self.wires)

    def block(self) -> int:
        """Begin a block; its number."""
        self.blocks.append({})
        self.written.append(len(self.wires))
        return len(self.blocks) - 1

    def sign(self, name: Name, inputs: Mapping[Name, float]) -> None:
        """The feed-forward part writes the sign of a sum that is at least ½ in size."""
        self.add(name)
        self.blocks[-1][name] = inputs

    def meet(self, name: Name, literals: Mapping[Name, bool]) -> None:
        """The feed-forward part writes whether all wires are as given."""
        inputs = {key: 1.0 if value else -1.0 for key, value in literals.items()}
        self.sign(name, {**inputs, ONE: 1.0 - len(literals)})

    @property
    def hidden(self) -> int:
        """The width."""
        width = 2 * len(self.wires)
        if self.size > 1:  # then a norm divides by a power of two, and rounds nothing
            own = 2 * len(self.embedded)
            width = next(n for k in range(12) if (n := own * 4**k) >= width)
        require_width(width)
        return width

    @property
    def feed_forward(self) -> int:
        """Factor of the feed-forward parts; a sign takes two inner units."""
        return 2

    def form(self, inputs: Mapping[Name, float]) -> np.ndarray:
        """A sum of wires as a row [hidden]."""
        row = np.zeros(self.hidden)
        for name, value in inputs.items():
            at = self.wires[name]
            row[at : at + 2] += value / 2, -value / 2
        return row

    def writes(self, name: Name) -> np.ndarray:
        """The column [hidden] by which a number is written as a pair."""
        column = np.zeros(self.hidden)
        at = self.wires[name]
        column[at : at + 2] = 1, -1
        return column

    def weights(self) -> dict[str, np.ndarray]:
        """Embedding and feed-forward parts."""
        rows = [self.writes(name) for name in self.embedded]
        found = {"embedding.weight": np.array(list(self.embedded.values()), float).T @ rows}
        found["embedding.weight"] *= self.size
        inner = self.feed_forward * self.hidden
        for number, signs in enumerate(self.blocks):
            # 2 (relu(u + ½) - relu(u - ½)) - 1 is the sign of u where u is not near 0.
            first, second = np.zeros((inner, self.hidden)), np.zeros((self.hidden, inner))
            b_1, b_2 = np.zeros(inner), np.zeros(self.hidden)
            for i, (name, inputs) in enumerate(signs.items()):
                first[2 * i : 2 * i + 2] = 2 * STEEP * self.form(inputs)
                b_1[2 * i : 2 * i + 2] = 0.5, -0.5
                column = self.size * self.writes(name)
                second[:, 2 * i], second[:, 2 * i + 1] = 2 * column, -2 * column
                b_2 -= column
            place = f"blocks.{number}.feed_forward"
            # So many units are ±1, and the others 0: the norm leaves about what it finds.
            scale = np.sqrt(2 * self.written[number] / self.hidden)
            found |= {
                f"blocks.{number}.mixer_norm.weight": np.full(self.hidden, scale),
                f"{place}.inner.weight": first,
                f"{place}.inner.bias": b_1,
                f"{place}.outer.weight": second,
                f"{place}.outer.bias": b_2,
            }
        return found
