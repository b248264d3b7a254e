"""Shuffle-k: several Dyck-1 languages interleaved, one counter each."""

from functools import cache, lru_cache
from itertools import product
from math import comb

import numpy as np

from fwp.languages.base import Language
from fwp.languages.dyck import Grammar, catalan, paths

BRACKETS = ("()", "[]", "{}", "<>", "«»", "‹›")


class Shuffle(Language):
    """Interleavings of k Dyck-1 languages with brackets of their own; a subclass gives k.

    Unlike in Dyck-k, brackets of different kinds may cross. (The public generator of Bhattamishra
    et al. nests them: none of its strings cross.) The target says of each kind whether a
    bracket is open, the first kind in the highest bit. State: the depths. A string of n pairs is a
    random interleaving of k words: each pair is of a random kind, each word comes from the grammar
    of Dyck-1, and each order of the symbols that keeps the words' own order is equally likely.
    """

    kinds: int
    period = 2

    def __init__(self, *, p: float = 0.5, q: float = 0.25):
        self.grammar = Grammar(p, q)
        self.distribution = (
            f"random interleaving of {self.kinds} words of random sizes, each of the {self.grammar}"
        )
        self.brackets = BRACKETS[: self.kinds]
        self.alphabet = tuple("".join(self.brackets))
        self.start = (0,) * self.kinds
        self.classes = tuple(
            "".join(pair[0] for pair, is_open in zip(self.brackets, opened, strict=True) if is_open)
            + " open"
            if any(opened)
            else "balanced"
            for opened in product((False, True), repeat=self.kinds)
        )

    def step(self, state: tuple[int, ...], symbol: str) -> tuple[int, ...] | None:
        kind, closes = divmod(self.alphabet.index(symbol), 2)
        depth = state[kind] + (-1 if closes else 1)
        return None if depth < 0 else (*state[:kind], depth, *state[kind + 1 :])

    def accepts(self, state: tuple[int, ...]) -> bool:
        return not any(state)

    def target(self, state: tuple[int, ...]) -> int:
        index = 0
        for depth in state:
            index = 2 * index + (depth > 0)
        return index

    def count(self, length: int) -> int:
        return 0 if length % 2 else _interleavings(self.kinds, length // 2)

    def completions(self, state: tuple[int, ...], length: int) -> int:
        return _ways(tuple(sorted(state)), length)

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        return [self._interleave(rng, length // 2) for _ in range(count)]

    def _interleave(self, rng: np.random.Generator, pairs: int) -> str:
        kinds = rng.integers(self.kinds, size=pairs, dtype=np.uint8)
        words = []
        for kind, size in enumerate(np.bincount(kinds, minlength=self.kinds).tolist()):
            word = self.grammar.draw(rng, size)
            words.append(iter(word.translate(str.maketrans("()", self.brackets[kind]))))
        order = np.repeat(kinds, 2)
        rng.shuffle(order)
        return "".join([next(words[kind]) for kind in order.tobytes()])


@cache
def _interleavings(kinds: int, pairs: int) -> int:
    """Number of interleavings of `kinds` Dyck-1 languages with `pairs` pairs of brackets in all."""
    if kinds == 1:
        return catalan(pairs)
    if kinds == 2:
        return catalan(pairs) * catalan(pairs + 1)
    total, ways = 0, 1  # ways to choose the places of the first two kinds
    for n in range(pairs + 1):
        total += ways * _interleavings(2, n) * _interleavings(kinds - 2, pairs - n)
        left = 2 * (pairs - n)
        ways = ways * left * (left - 1) // ((2 * n + 1) * (2 * n + 2))
    return total


@lru_cache(maxsize=100_000)
def _ways(depths: tuple[int, ...], length: int) -> int:
    """Number of ways to close so many brackets of each kind with `length` more symbols."""
    depth, *others = depths
    if not others:
        return paths(depth, length)
    return sum(
        comb(length, n) * paths(depth, n) * _ways(tuple(others), length - n)
        for n in range(depth, length - sum(others) + 1, 2)
    )


class Shuffle2(Shuffle):
    """Shuffle-2. Bhattamishra et al. 2020."""

    name = "shuffle_2"
    title = "Shuffle-2"
    kinds = 2


class Shuffle4(Shuffle):
    """Shuffle-4. Bhattamishra et al. 2020."""

    name = "shuffle_4"
    title = "Shuffle-4"
    kinds = 4


class Shuffle6(Shuffle):
    """Shuffle-6. Bhattamishra et al. 2020."""

    name = "shuffle_6"
    title = "Shuffle-6"
    kinds = 6
