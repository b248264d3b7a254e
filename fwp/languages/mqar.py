"""Multi-query associative recall: pairs of keys and values, then keys whose values are due."""

import string
from math import perm

import numpy as np

from fwp.languages._checks import check_integer
from fwp.languages.base import NO_TARGET, Language

KEYS = string.ascii_letters
VALUES = string.digits + "".join(map(chr, range(0xC0, 0x100)))


class Mqar(Language):
    """Pairs of a key and a value, all keys different, then queries, each one of these keys.

    Arora et al. 2023. The target at a query is the value of its key; the pairs have none. All
    strings of a length are equally likely. There, queries are apart and vocabularies larger; here
    all that follows the pairs is queries. State: the pairs, and the key whose value is due.

    Args:
        pairs: how many, so that strings have at least 2·pairs + 1 symbols.
        keys: how many there are to choose from.
        values: how many there are to choose from.
    """

    name = "mqar"
    title = "MQAR"
    start = ((), "")
    period = 1
    distribution = "different keys, values and queries independent and equally likely"

    def __init__(self, *, pairs: int = 4, keys: int = 16, values: int = 16):
        check_integer("keys", keys, 1, len(KEYS))
        check_integer("values", values, 2, len(VALUES))
        check_integer("pairs", pairs, 1, keys)
        self.pairs, self.keys, self.classes = pairs, KEYS[:keys], tuple(VALUES[:values])
        self.alphabet = (*self.keys, *self.classes)

    def step(self, state: tuple[tuple, str], symbol: str) -> tuple[tuple, str] | None:
        pairs, key = state
        known = dict(pairs)
        if symbol in self.classes:
            reading = key and len(pairs) < self.pairs
            return ((*pairs, (key, symbol)), "") if reading else None
        if len(pairs) < self.pairs:
            return None if key or symbol in known else (pairs, symbol)
        return (pairs, symbol) if symbol in known else None

    def accepts(self, state: tuple[tuple, str]) -> bool:
        pairs, key = state
        return len(pairs) == self.pairs and key != ""

    def target(self, state: tuple[tuple, str]) -> int:
        return self.classes.index(dict(state[0])[state[1]]) if self.accepts(state) else NO_TARGET

    def completions(self, state: tuple[tuple, str], length: int) -> int:
        pairs, key = state
        missing = self.pairs - len(pairs)
        queries = length - 2 * missing + (missing > 0 and key != "")
        asked = missing == 0 and key != ""
        if queries < 1 - asked:
            return 0
        due = missing - (missing > 0 and key != "")  # keys
        left = len(self.keys) - (self.pairs - due)
        return perm(left, due) * len(self.classes) ** missing * self.pairs**queries

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        strings = []
        for _ in range(count):
            order = rng.permutation(len(self.keys))[: self.pairs].tolist()
            keys = [self.keys[i] for i in order]
            values = rng.integers(len(self.classes), size=self.pairs).tolist()
            queries = rng.integers(self.pairs, size=length - 2 * self.pairs).tolist()
            symbols = [s for k, v in zip(keys, values, strict=True) for s in (k, self.classes[v])]
            strings.append("".join([*symbols, *(keys[i] for i in queries)]))
        return strings
