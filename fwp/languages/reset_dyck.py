"""Reset Dyck-1: counting that has to be forgotten."""

from functools import cache, cached_property
from math import comb

import numpy as np

from fwp.languages._checks import check_flag
from fwp.languages.base import Language
from fwp.languages.dyck import Grammar, catalan, paths

KEPT = 10_000  # lengths up to which every count is kept: one of length n takes n / 3 bytes


class ResetDyck1(Language):
    """Prefixes of Dyck-1 strings, each cut off by the symbol 1, then one Dyck-1 string.

    Irie et al. 2023. There is at least one reset; after it the depth counts from 0 again, and the
    target says whether a bracket is open since the last one. State: (depth since the last reset,
    whether there was one).

    Strings of a length L are drawn like this. The number of resets is k with a probability in
    proportion to 1/k, for k from 1 to L/4 (at least to 2). So few long stretches and many short
    ones both occur at every length. Their places are uniform among those that leave an even number
    of symbols after the last. The last stretch is a word of the grammar of Dyck-1. A stretch of s
    symbols before a reset is the first half of a word of 2s symbols, so that most resets find
    brackets open.

    Args:
        p, q: of the grammar.
        one_reset: a string has exactly one reset, as in the code of Bhattamishra et al.
    """

    name = "reset_dyck_1"
    title = "Reset Dyck-1"
    alphabet = ("(", ")", "1")
    classes = ("balanced", "open")
    start = (0, False)
    period = 1

    def __init__(self, *, p: float = 0.5, q: float = 0.25, one_reset: bool = False):
        check_flag("one_reset", one_reset)
        self.grammar, self.one_reset = Grammar(p, q), one_reset
        self.distribution = (
            "k resets with probability in proportion to 1/k, k up to a quarter of the length, at "
            "random places; before a reset the first half of a word, after the last one a word, of "
            f"the {self.grammar}"
        )
        if one_reset:
            self.distribution = (
                "one reset at a random place; before it the first half of a word, after it a word, "
                f"of the {self.grammar}"
            )

    def step(self, state: tuple[int, bool], symbol: str) -> tuple[int, bool] | None:
        depth, was_reset = state
        if symbol == "1":
            return None if self.one_reset and was_reset else (0, True)
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
        which simplifies to (2 − 5x) T = 1 − (1 − 2x) D. With one reset, T = x B D.
        """
        if self.one_reset:
            return self.completions(self.start, length)
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

    def completions(self, state: tuple[int, bool], length: int) -> int:
        """Number of ways to complete a string from `state` with exactly `length` more symbols.

        With one reset, a closed form. Let W_d count the walks from depth d that stay at 0 or above.
        Those from d + 1 that ever reach 0 go on as W_0: W_{d+1} = W_d + (x D)^{d+1} W_0. So
        W_d = W_0 Σ_{j≤d} (x D)^j, and what is asked for, x W_d D, is W_{d+1} − W_0.
        """
        if not self.one_reset:
            return super().completions(state, length)
        depth, was_reset = state
        if was_reset:
            return paths(depth, length)
        return _walks(depth + 1, length) - _walks(0, length)

    @cached_property
    def _counts(self) -> tuple[list[int], dict[int, int]]:
        return [0], {}

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        return [self._one(rng, length) for _ in range(count)]

    def _one(self, rng: np.random.Generator, length: int) -> str:
        resets = 1
        if not self.one_reset:
            cumulated = _resets(min(length, max(2, length // 4)))
            resets += int(np.searchsorted(cumulated, rng.random(), side="right"))
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


def _walks(depth: int, length: int) -> int:
    """Walks of `length` steps up and down from `depth` that stay at 0 or above.

    By reflection, as many as walks from 0 that end anywhere from −depth to depth + 1.
    """
    least = max(0, (length - depth + 1) // 2)  # steps up
    return sum(comb(length, up) for up in range(least, (length + depth + 1) // 2 + 1))
