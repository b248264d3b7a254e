"""Counting the paths of an automaton that end in an accepting state.

Counts of long strings are numbers of as many digits, for every state and length. They are kept as
long as they are small; of longer ones every `STRIDE`-th layer is kept, and those between are
counted again when they are asked for.
"""

from array import array
from functools import reduce
from itertools import accumulate
from math import isqrt, log2
from operator import add

import numpy as np

from fwp.languages._checks import MANY

DEAD = -1
Table = list[list[int]]
"""Next state by state and token; `DEAD` where there is none. State 0 is the start."""

MOST_SHARES = 30_000_000  # transitions × lengths, of which a drawing keeps a number each
MOST_BYTES = 50_000_000_000  # that are added up to count the strings of all lengths
KEPT = 100_000_000  # bytes of layers that are kept as they are
STRIDE = 128


class Paths:
    """Paths from every state, by length.

    Attributes:
        begins: where the transitions of each state begin in the lists below, and where they end.
        tokens: of the transitions.
        targets: where the transitions lead.
    """

    def __init__(self, table: Table, accepting: set[int]):
        self._rows = [[to for to in row if to != DEAD] for row in table]
        self.tokens = [t for row in table for t, to in enumerate(row) if to != DEAD]
        self.targets = [to for row in self._rows for to in row]
        self.begins = list(accumulate(map(len, self._rows), initial=0))
        ends = [int(state in accepting) for state in range(len(table))]
        self._layers, self._last, self._counted, self._held = {0: ends}, ends, 1, 0
        self._block: list[list[int]] = []
        self._block_at = -1
        self._shares: dict[int, array] = {}
        # What is counted up to MANY, for the start alone. A last state, from which there are no
        # paths, stands for transitions that are missing.
        rows = [row or [len(table)] for row in self._rows]
        self._flat = np.array([to for row in rows for to in row] + [len(table)])
        self._starts = np.cumsum([0, *map(len, rows)])
        self._numbers = np.array([*ends, 0], dtype=np.int64)
        self._capped = [ends[0]]
        self._cycle: tuple[int, int] | None = None
        self._seen, self._seen_at = self._numbers, 0

    @property
    def longest(self) -> int:
        """The length up to which counting and drawing stay within bounds."""
        transitions = max(1, len(self.targets))
        bits = log2(max(map(len, self._rows), default=1) or 1)  # a symbol, at most
        longest = MOST_SHARES // transitions
        if bits:
            longest = min(longest, isqrt(int(16 * MOST_BYTES / (transitions * bits))))
        return longest

    def ways(self, left: int) -> list[int]:
        """Numbers of paths of `left` symbols from each state."""
        while left >= self._counted:
            self._last = self._after(self._last)
            if self._held < KEPT or self._counted % STRIDE == 0:
                self._layers[self._counted] = self._last
                self._held += sum(36 + number.bit_length() // 8 for number in self._last)
            self._counted += 1
        if left in self._layers:
            return self._layers[left]
        first = left // STRIDE * STRIDE
        if self._block_at != first:
            self._block_at, self._block = first, [self._layers[first]]
            for _ in range(STRIDE - 1):
                self._block.append(self._after(self._block[-1]))
        return self._block[left - first]

    def _after(self, layer: list[int]) -> list[int]:
        return [reduce(add, [layer[to] for to in row]) if row else 0 for row in self._rows]

    def shares(self, left: int) -> array:
        """Cumulated shares of each state's transitions, `left` symbols being due after them."""
        if left not in self._shares:
            ways, found = self.ways(left), array("d")
            for row in self._rows:
                sums = list(accumulate(ways[to] for to in row))
                whole = sums[-1] if sums else 0
                found.extend([part / whole for part in sums] if whole else [0.0] * len(sums))
            self._shares[left] = found
        return self._shares[left]

    def capped(self, length: int) -> int:
        """Number of paths of `length` symbols from the start, MANY if there are more."""
        if length < len(self._capped):
            return self._capped[length]
        while length >= len(self._capped) and self._cycle is None:
            numbers = np.add.reduceat(self._numbers[self._flat], self._starts)
            self._numbers = np.minimum(numbers, MANY)
            at = len(self._capped)
            if np.array_equal(self._numbers, self._seen):  # it goes on as it did from there
                self._cycle = (self._seen_at, at - self._seen_at)
            else:
                self._capped.append(int(self._numbers[0]))
                if at & (at - 1) == 0:
                    self._seen, self._seen_at = self._numbers, at
        if length >= len(self._capped):
            first, period = self._cycle or (0, 1)
            length = first + (length - first) % period
        return self._capped[length]
