"""Parity: the smallest language that needs a state flipped by its input."""

import numpy as np

from fwp.languages.base import Language


class Parity(Language):
    """Strings over 0 and 1 with an even number of 1s; the target is the parity of the prefix.

    Bhattamishra et al. 2020. State: the number of 1s so far, modulo 2.
    """

    name = "parity"
    title = "Parity"
    alphabet = ("0", "1")
    classes = ("odd", "even")
    start = 0
    distribution = "independent symbols, 0 and 1 equally likely, given an even number of 1s"

    def step(self, state: int, symbol: str) -> int:
        return state ^ (symbol == "1")

    def accepts(self, state: int) -> bool:
        return state == 0

    def target(self, state: int) -> int:
        return 1 - state

    def count(self, length: int) -> int:
        return 2 ** (length - 1) if length else 1

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        bits = rng.integers(2, size=(count, length), dtype=np.uint8)
        # Given the others, the last symbol of an even string is determined.
        bits[:, -1] = bits[:, :-1].sum(axis=1) % 2
        return [row.tobytes().decode("ascii") for row in bits + ord("0")]
