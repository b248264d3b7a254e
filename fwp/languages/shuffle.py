"""Shuffle-k: several Dyck-1 languages interleaved, one counter each."""

from functools import cache, lru_cache
from itertools import product
from math import comb

import numpy as np

from fwp.languages._brackets import BRACKETS, of_kinds
from fwp.languages._checks import check_flag
from fwp.languages.base import Language
from fwp.languages.dyck import Grammar, catalan, nestings, paths

Depths = tuple[int, ...]


class Shuffle(Language):
    """Interleavings of k Dyck-1 languages with brackets of their own; a subclass gives k.

    Unlike in Dyck-k, brackets of different kinds may cross. The target says of each kind whether a
    bracket is open, the first kind in the highest bit. State: the depths. A string of n pairs is a
    random interleaving of k words: each pair is of a random kind, each word comes from the grammar
    of Dyck-1, and each order of the symbols that keeps the words' own order is equally likely.

    Args:
        p, q: of the grammar.
        nested: brackets must not cross, as in the public generator of Bhattamishra et al.: the
            strings are those of Dyck-k, drawn from S → (ᵢ S )ᵢ with probability p | SS with q |
            empty, each pair of a random kind. Targets stay the same. State: the open brackets.
    """

    kinds: int
    period = 2

    def __init__(self, *, p: float = 0.5, q: float = 0.25, nested: bool = False):
        check_flag("nested", nested)
        self.grammar, self.nested = Grammar(p, q), nested
        self.distribution = (
            f"random interleaving of {self.kinds} words of random sizes, each of the {self.grammar}"
        )
        if nested:
            self.distribution = f"{self.grammar}, given the length; each pair of a random kind"
        self.brackets = BRACKETS[: self.kinds]
        self.alphabet = tuple("".join(self.brackets))
        self.start = "" if nested else (0,) * self.kinds
        self.classes = tuple(
            "".join(pair[0] for pair, is_open in zip(self.brackets, opened, strict=True) if is_open)
            + " open"
            if any(opened)
            else "balanced"
            for opened in product((False, True), repeat=self.kinds)
        )

    def step(self, state: str | Depths, symbol: str) -> str | Depths | None:
        kind, closes = divmod(self.alphabet.index(symbol), 2)
        if isinstance(state, str):
            if not closes:
                return state + symbol
            return state[:-1] if state[-1:] == self.brackets[kind][0] else None
        depth = state[kind] + (-1 if closes else 1)
        return None if depth < 0 else (*state[:kind], depth, *state[kind + 1 :])

    def accepts(self, state: str | Depths) -> bool:
        return not any(state)

    def target(self, state: str | Depths) -> int:
        if isinstance(state, str):
            opened = [pair[0] in state for pair in self.brackets]
        else:
            opened = [depth > 0 for depth in state]
        index = 0
        for is_open in opened:
            index = 2 * index + is_open
        return index

    def count(self, length: int) -> int:
        if length % 2:
            return 0
        pairs = length // 2
        return nestings(self.kinds, 0, length) if self.nested else _interleavings(self.kinds, pairs)

    def completions(self, state: str | Depths, length: int) -> int:
        if isinstance(state, str):
            return nestings(self.kinds, len(state), length)
        return _ways(tuple(sorted(state)), length)

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        if self.nested:
            words = (self.grammar.draw(rng, length // 2) for _ in range(count))
            return [of_kinds(rng, word, self.brackets) for word in words]
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
