"""Reset Dyck-1: counting that has to be forgotten."""

from functools import cache, cached_property

import numpy as np

from fwp.languages.base import Language
from fwp.languages.dyck import Grammar, catalan

KEPT = 10_000  # lengths up to which every count is kept: one of length n takes n / 3 bytes


class ResetDyck1(Language):
    """Prefixes of Dyck-1 strings, each cut off by the symbol 1, then one Dyck-1 string.

    Irie et al. 2023. There is at least one reset; after it the depth counts from 0 again, and the
    target says whether a bracket is open since the last one. State: (depth since the last reset,
    whether there was one).

    Strings of a length L are drawn like this. The number of resets is k with a probability in
    proportion to 1/k, for k from 1 to L/4 (at least to 2). So few long stretches and many short
    ones both occur at every length. (The public generator writes one reset.) Their places are
    uniform among those that leave an even number of symbols after the last. The last stretch is a
    word of the grammar of Dyck-1. A stretch of s symbols before a reset is the first half of a word
    of 2s symbols, so that most resets find brackets open.
    """

    name = "reset_dyck_1"
    title = "Reset Dyck-1"
    alphabet = ("(", ")", "1")
    classes = ("balanced", "open")
    start = (0, False)
    period = 1

    def __init__(self, *, p: float = 0.5, q: float = 0.25):
        self.grammar = Grammar(p, q)
        self.distribution = (
            "k resets with probability in proportion to 1/k, k up to a quarter of the length, at "
            "random places; before a reset the first half of a word, after the last one a word, of "
            f"the {self.grammar}"
        )

    def step(self, state: tuple[int, bool], symbol: str) -> tuple[int, bool] | None:
        depth, was_reset = state
        if symbol == "1":
            return (0, True)
        if symbol == "(":
            return (depth + 1, was_reset)
        return (depth - 1, was_reset) if depth > 0 else None

    def accepts(self, state: tuple[int, bool]) -> bool:
        return state == (0, True)

    def target(self, state: tuple[int, bool]) -> int:
        return int(state[0] > 0)

    def count(self, length: int) -> int:
        """Number of strings, from their generating function T(x).

        With D the generating function of Dyck-1 and B that of its prefixes, T = x B D / (1 − x B),
        which simplifies to (2 − 5x) T = 1 − (1 − 2x) D.
        """
        counts, long = self._counts
        if length >= len(counts) and length not in long:
            number, dyck = counts[-1], catalan((len(counts) - 1) // 2)
            for n in range(len(counts), length + 1):
                if n % 2 == 0:  # the next Catalan number, of n / 2 pairs of brackets
                    dyck = dyck * (2 * n - 2) // (n // 2 + 1)
                number = (5 * number + (2 * dyck if n % 2 else -dyck)) // 2
                if n <= KEPT:
                    counts.append(number)
            if length > KEPT:
                long[length] = number
        return counts[length] if length < len(counts) else long[length]

    @cached_property
    def _counts(self) -> tuple[list[int], dict[int, int]]:
        return [0], {}

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        return [self._one(rng, length) for _ in range(count)]

    def _one(self, rng: np.random.Generator, length: int) -> str:
        cumulated = _resets(min(length, max(2, length // 4)))
        resets = 1 + int(np.searchsorted(cumulated, rng.random(), side="right"))
        while True:
            places = np.sort(rng.choice(length, size=resets, replace=False)).tolist()
            after = length - 1 - places[-1]
            if after % 2 == 0:
                break
        stretches = np.diff([-1, *places]) - 1
        parts = [self.grammar.draw(rng, size)[:size] for size in stretches.tolist()]
        return "1".join([*parts, self.grammar.draw(rng, after // 2)])


@cache
def _resets(most: int) -> np.ndarray:
    """Cumulated shares of k = 1 … `most`, in proportion to 1/k."""
    cumulated = np.cumsum(1 / np.arange(1, most + 1))
    return cumulated / cumulated[-1]
