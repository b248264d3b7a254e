"""What the constructions in blocks with norms and feed-forward parts share.

Every symbol is a pair of units, 1 and -1, so that the layer normalisation of the block finds the
mean 0 and makes them ± a number that is the same for all symbols. What a mixer adds to the skip
connection has the mean 0, too: one unit more holds the negative sum. So the norm before the
feed-forward part changes its scale alone, and signs stay as they are.
"""

from dataclasses import dataclass

import numpy as np

from fwp.constructions.construction import require_width


@dataclass(frozen=True)
class Layout:
    """Which units of the skip connection hold what.

    Attributes:
        symbols: number of symbols; two units each.
        results: number of numbers that the mixer writes, and one for their negative sum.
        classes: number of classes, which the feed-forward part writes.
        least: a width that the model must have in any case.
    """

    symbols: int
    results: int
    classes: int
    least: int = 1

    @property
    def result(self) -> int:
        """The first unit of the results."""
        return 2 * self.symbols

    @property
    def outcome(self) -> int:
        """The first unit of the classes."""
        return self.result + self.results + 1

    @property
    def hidden(self) -> int:
        """The width: even, so that a factor of the feed-forward part is exact."""
        width = max(self.outcome + self.classes, self.least)
        require_width(width)
        return width + width % 2

    def embedding(self) -> np.ndarray:
        """[symbols, hidden]."""
        rows = np.zeros((self.symbols, self.hidden))
        for symbol in range(self.symbols):
            rows[symbol, 2 * symbol : 2 * symbol + 2] = 1, -1
        return rows

    def by_symbol(self, values: np.ndarray) -> np.ndarray:
        """A matrix [n, hidden] that maps normalised symbols to values [n, symbols]."""
        return values @ self.embedding() / np.sqrt(2 * self.hidden)

    def written(self, values: np.ndarray) -> np.ndarray:
        """A matrix [hidden, n] that writes the results `values` [results, n] and the balance."""
        found = np.zeros((self.hidden, values.shape[1]))
        found[self.result : self.result + self.results] = values
        found[self.result + self.results] = -values.sum(0)
        return found

    def decided(self, block: int, shown: np.ndarray) -> dict[str, np.ndarray]:
        """A feed-forward part and readout: a class is the sum of its results, as far as positive.

        Args:
            block: number of the block.
            shown: [classes, results], which results stand for a class.
        """
        inner = np.zeros((self.inner, self.hidden))
        inner[: self.results, self.result : self.result + self.results] = np.eye(self.results)
        outer = np.zeros((self.hidden, self.inner))
        outer[self.outcome : self.outcome + self.classes, : self.results] = shown
        readout = np.zeros((self.classes, self.hidden))
        readout[:, self.outcome : self.outcome + self.classes] = np.eye(self.classes)
        return {
            f"blocks.{block}.feed_forward.inner.weight": inner,
            f"blocks.{block}.feed_forward.outer.weight": outer,
            "readout.weight": readout,
        }

    @property
    def factor(self) -> int:
        """Factor of the feed-forward part."""
        return 2

    @property
    def inner(self) -> int:
        """Inner width of the feed-forward part."""
        return self.factor * self.hidden
