"""Majority: the smallest language that needs a counter of both signs."""

from itertools import accumulate

import numpy as np

from fwp.languages.base import Language


class Majority(Language):
    """Strings over 0 and 1 with more 1s than 0s; the target is what may follow.

    So it says whether the prefix is in the language. Butoi et al. 2025 (FLaRe). State: the number
    of 1s less that of 0s.
    """

    name = "majority"
    title = "Majority"
    alphabet = ("0", "1")
    classes = ("01", "01 end")
    start = 0
    distribution = "the number of 1s uniform over what makes a majority, in random order"
    period = 2

    def __init__(self):
        self._rows = [[1]]  # row n: the binomial coefficients of n, cumulated from its end

    def step(self, state: int, symbol: str) -> int:
        return state + (1 if symbol == "1" else -1)

    def accepts(self, state: int) -> bool:
        return state > 0

    def target(self, state: int) -> int:
        return int(state > 0)

    def completions(self, state: int, length: int) -> int:
        least = max(0, (length - state) // 2 + 1)  # 1s that must come
        while len(self._rows) <= length:
            above = self._rows[-1]
            single = [a - b for a, b in zip(above, [*above[1:], 0], strict=True)]
            row = [a + b for a, b in zip([0, *single], [*single, 0], strict=True)]
            self._rows.append([*accumulate(reversed(row))][::-1])
        return self._rows[length][least] if least <= length else 0

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        ones = rng.integers(length // 2 + 1, length + 1, size=(count, 1))
        bits = (np.arange(length) < ones).astype(np.uint8)
        bits = rng.permuted(bits, axis=1)
        return [row.tobytes().decode("ascii") for row in bits + ord("0")]
