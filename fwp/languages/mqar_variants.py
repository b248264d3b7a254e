"""Variants of multi-query associative recall: two keys for a value, new values, pairs as symbols.

They are those that the code of Zoology (Arora et al. 2023) has since January 2026. As in `mqar`,
what follows the pairs is queries alone, and values are independent.
"""

from math import comb, factorial, isqrt, perm
from typing import NamedTuple

import numpy as np

from fwp.languages._checks import check_integer, shown
from fwp.languages.base import NO_TARGET, Language
from fwp.languages.mqar import KEYS, VALUES

PAIRS = VALUES + "".join(map(chr, range(0x100, 0x180)))


class Given(NamedTuple):
    """What was given so far, and what was read of the present pair or query.

    Attributes:
        pairs: key and value, in their order; of a key with a new value, both.
        read: the symbols of the pair or query.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    read: str = ""


class MqarComposition(Language):
    """Triples of two keys and a value, then queries of two keys, at which their value is due.

    The triples are all combinations of n first keys with n second keys, in any order, so that no
    key alone determines a value. The target at the second key of a query is the value; other
    positions have none. All strings of a length are equally likely.

    Args:
        triples: how many: a square number, n².
        keys: how many first keys there are to choose from, and how many second keys.
        values: how many values there are to choose from.
    """

    name = "mqar_composition"
    title = "MQAR, composition"
    start = Given()
    period = 2
    distribution = "keys, order, values and queries independent and equally likely"

    def __init__(self, *, triples: int = 4, keys: int = 12, values: int = 16):
        check_integer("keys", keys, 1, len(KEYS) // 2)
        check_integer("values", values, 2, len(VALUES))
        self.side = isqrt(triples) if type(triples) is int and triples > 0 else 0
        if not self.side or self.side**2 != triples or self.side > keys:
            raise ValueError(
                f"triples: must be a square number of at most {keys}², keys times keys, got "
                f"{shown(triples)}"
            )
        self.first, self.second = KEYS[:keys], KEYS[len(KEYS) // 2 :][:keys]
        self.classes = tuple(VALUES[:values])
        self.alphabet = (*self.first, *self.second, *self.classes)
        self.triples = triples

    def step(self, state: Given, symbol: str) -> Given | None:
        pairs, read = state
        if len(pairs) < self.triples:
            return self._given(pairs, read, symbol)
        place = len(read) % 2
        if symbol not in {keys[place] for keys, _ in pairs}:
            return None
        return Given(pairs, read + symbol if place else symbol)

    def _given(self, pairs: tuple, read: str, symbol: str) -> Given | None:
        if len(read) == 2:
            known = symbol in self.classes
            return Given((*pairs, (read, symbol))) if known else None
        first, second = ({keys[i] for keys, _ in pairs} for i in (0, 1))
        mine, used = (first, self.first) if not read else (second, self.second)
        if symbol not in used or (symbol not in mine and len(mine) == self.side):
            return None
        if read:
            free = read + symbol not in dict(pairs)
        else:
            free = sum(keys[0] == symbol for keys, _ in pairs) < self.side
        return Given(pairs, read + symbol) if free else None

    def accepts(self, state: Given) -> bool:
        return len(state.pairs) == self.triples and len(state.read) == 2

    def target(self, state: Given) -> int:
        if not self.accepts(state):
            return NO_TARGET
        return self.classes.index(dict(state.pairs)[state.read])

    def completions(self, state: Given, length: int) -> int:
        pairs, read = state
        missing = self.triples - len(pairs)
        if not missing:
            open_query = len(read) % 2
            asked, left = divmod(length - open_query, 2)
            if left or asked < 0 or (asked == 0 and not read):
                return 0
            return self.side**open_query * self.triples**asked
        queries, left = divmod(length - 3 * missing + len(read), 2)
        if left or queries < 1:
            return 0
        first, second = ({keys[i] for keys, _ in pairs} for i in (0, 1))
        first, second = first | {*read[:1]}, second | {*read[1:]}
        ways = comb(len(self.first) - len(first), self.side - len(first))
        ways *= comb(len(self.second) - len(second), self.side - len(second))
        ways *= factorial(missing - (read != ""))
        if len(read) == 1:
            ways *= self.side - sum(keys[0] == read for keys, _ in pairs)
        return ways * len(self.classes) ** missing * self.triples**queries

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        strings = []
        for _ in range(count):
            first, second = (
                [keys[i] for i in rng.permutation(len(keys))[: self.side]]
                for keys in (self.first, self.second)
            )
            both = [a + b for a in first for b in second]
            order = rng.permutation(self.triples).tolist()
            values = rng.integers(len(self.classes), size=self.triples).tolist()
            asked = rng.integers(self.triples, size=(length - 3 * self.triples) // 2).tolist()
            symbols = [both[i] + self.classes[v] for i, v in zip(order, values, strict=True)]
            strings.append("".join([*symbols, *(both[i] for i in asked)]))
        return strings


class MqarForgetting(Language):
    """Pairs of a key and a value, new values of some keys, then queries: the latest value is due.

    The target at a query is the latest value of its key; the pairs have none. All strings of a
    length are equally likely. A new value may be the old one.

    Args:
        pairs: how many, with different keys.
        updates: how many of these keys get a new value, each once.
        keys: how many there are to choose from.
        values: how many there are to choose from.
    """

    name = "mqar_forgetting"
    title = "MQAR, forgetting"
    start = Given()
    period = 1
    distribution = "keys, updates, values and queries independent and equally likely"

    def __init__(self, *, pairs: int = 4, updates: int = 2, keys: int = 16, values: int = 16):
        check_integer("keys", keys, 1, len(KEYS))
        check_integer("values", values, 2, len(VALUES))
        check_integer("pairs", pairs, 1, keys)
        check_integer("updates", updates, 0, pairs)
        self.pairs, self.given = pairs, pairs + updates
        self.keys, self.classes = KEYS[:keys], tuple(VALUES[:values])
        self.alphabet = (*self.keys, *self.classes)

    def step(self, state: Given, symbol: str) -> Given | None:
        pairs, read = state
        if len(pairs) == self.given:
            return Given(pairs, symbol) if symbol in dict(pairs) else None
        if read:
            return Given((*pairs, (read, symbol))) if symbol in self.classes else None
        new = len(pairs) < self.pairs
        before = {key for key, _ in (pairs if new else pairs[self.pairs :])}
        known = self.keys if new else {key for key, _ in pairs}
        return Given(pairs, symbol) if symbol in known and symbol not in before else None

    def accepts(self, state: Given) -> bool:
        return len(state.pairs) == self.given and state.read != ""

    def target(self, state: Given) -> int:
        if not self.accepts(state):
            return NO_TARGET
        return self.classes.index(dict(state.pairs)[state.read])

    def completions(self, state: Given, length: int) -> int:
        given, read = len(state.pairs), state.read != ""
        missing = self.given - given
        queries = length - 2 * missing + (missing > 0 and read)
        if queries < 0 or (queries == 0 and (missing or not read)):
            return 0
        chosen = given + (missing > 0 and read)
        new = max(0, self.pairs - chosen)
        again = self.given - max(chosen, self.pairs)
        ways = perm(len(self.keys) - self.pairs + new, new)
        ways *= perm(again + 2 * self.pairs - self.given, again)
        return ways * len(self.classes) ** missing * self.pairs**queries

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        strings = []
        for _ in range(count):
            keys = [self.keys[i] for i in rng.permutation(len(self.keys))[: self.pairs]]
            again = [keys[i] for i in rng.permutation(self.pairs)[: self.given - self.pairs]]
            values = rng.integers(len(self.classes), size=self.given).tolist()
            asked = rng.integers(self.pairs, size=length - 2 * self.given).tolist()
            pairs = zip([*keys, *again], values, strict=True)
            symbols = [key + self.classes[value] for key, value in pairs]
            strings.append("".join([*symbols, *(keys[i] for i in asked)]))
        return strings


class MqarStacked(Language):
    """Symbols that stand for a pair of key and value, then queries: keys whose value is due.

    A model needs no memory of the symbol before to bind a value to its key. There, the vectors of
    key and value are stacked into one; here, there is a symbol for each pair. All keys of a string
    differ. The target at a query is the value of its key; the pairs have none. All strings of a
    length are equally likely.

    Args:
        pairs: how many.
        keys: how many there are to choose from.
        values: how many there are to choose from; keys times values is at most 202.
    """

    name = "mqar_stacked"
    title = "MQAR, stacked"
    start = Given()
    period = 1
    distribution = "different keys, values and queries independent and equally likely"

    def __init__(self, *, pairs: int = 4, keys: int = 12, values: int = 12):
        check_integer("keys", keys, 1, len(KEYS))
        check_integer("values", values, 2, min(len(VALUES), len(PAIRS) // keys))
        check_integer("pairs", pairs, 1, keys)
        self.pairs, self.keys, self.classes = pairs, KEYS[:keys], tuple(VALUES[:values])
        both = [(key, value) for key in self.keys for value in self.classes]
        self._meaning = dict(zip(PAIRS, both, strict=False))
        self.alphabet = (*self.keys, *self._meaning)

    def step(self, state: Given, symbol: str) -> Given | None:
        pairs = state.pairs
        if len(pairs) == self.pairs:
            return Given(pairs, symbol) if symbol in dict(pairs) else None
        pair = self._meaning.get(symbol)
        return Given((*pairs, pair)) if pair and pair[0] not in dict(pairs) else None

    def accepts(self, state: Given) -> bool:
        return state.read != ""

    def target(self, state: Given) -> int:
        if not self.accepts(state):
            return NO_TARGET
        return self.classes.index(dict(state.pairs)[state.read])

    def completions(self, state: Given, length: int) -> int:
        missing = self.pairs - len(state.pairs)
        queries = length - missing
        if queries < 0 or (queries == 0 and not state.read):
            return 0
        ways = perm(len(self.keys) - len(state.pairs), missing) * len(self.classes) ** missing
        return ways * self.pairs**queries

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        symbols = {pair: symbol for symbol, pair in self._meaning.items()}
        strings = []
        for _ in range(count):
            keys = [self.keys[i] for i in rng.permutation(len(self.keys))[: self.pairs]]
            values = rng.integers(len(self.classes), size=self.pairs).tolist()
            asked = rng.integers(self.pairs, size=length - self.pairs).tolist()
            pairs = [symbols[key, self.classes[v]] for key, v in zip(keys, values, strict=True)]
            strings.append("".join([*pairs, *(keys[i] for i in asked)]))
        return strings
