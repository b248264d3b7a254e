"""Fuzzy in-context recall (Poli et al. 2024): keys and values of several symbols."""

from math import perm
from typing import NamedTuple

import numpy as np

from fwp.languages._checks import MANY, check_integer
from fwp.languages.base import NO_TARGET, Language
from fwp.languages.mqar import KEYS, VALUES

PAD = "_"
COUNTED = 60  # symbols; if there are many strings of so many, there are many longer ones


class Reading(NamedTuple):
    """The values of keys so far, and what was read of the present pair.

    Attributes:
        pairs: key and value, in the order of the keys' first occurrences.
        key: what was read of a key.
        value: what was read of its value.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    key: str = ""
    value: str = ""


class FuzzyRecall(Language):
    """In-context recall of keys and values that are several symbols each.

    Poli et al. 2024, with many queries. A key is a sequence of `key_size` different symbols, a
    value one of up to `value_size` different symbols. A key that recurs has the same value: the
    target at its last symbol is the first symbol of the value, and so on; other positions have
    none. A string ends before the last symbol of a value that was there before. It may begin with
    padding. In their training strings keys are shorter, too; in their test strings, as here, not.

    Args:
        keys: how many symbols of keys there are.
        values: how many symbols of values there are.
        key_size: symbols of a key.
        value_size: the most symbols of a value.
    """

    name = "fuzzy_recall"
    title = "Fuzzy recall"
    start = Reading()
    period = 1
    distribution = (
        "keys, sizes of values and values independent, equally likely; one key recurs at the end; "
        "padding at the start for what is left of the length"
    )

    def __init__(self, *, keys: int = 7, values: int = 8, key_size: int = 3, value_size: int = 3):
        check_integer("keys", keys, 1, len(KEYS))
        check_integer("values", values, 2, len(VALUES))
        check_integer("key_size", key_size, 1, keys)
        check_integer("value_size", value_size, 1, values)
        self.keys, self.classes = KEYS[:keys], tuple(VALUES[:values])
        self.key_size, self.value_size = key_size, value_size
        self.alphabet = (*self.keys, *self.classes, PAD)

    def step(self, state: Reading, symbol: str) -> Reading | None:
        pairs, key, value = state
        if symbol == PAD:
            return state if state == self.start else None
        if symbol in self.keys:
            return self._key(state, symbol)
        if len(key) < self.key_size or symbol in value:
            return None
        value += symbol
        known = dict(pairs).get(key)
        if known is None:
            return Reading(pairs, key, value) if len(value) <= self.value_size else None
        return Reading(pairs, key, value) if known.startswith(value) else None

    def _key(self, state: Reading, symbol: str) -> Reading | None:
        pairs, key, value = state
        if value:  # the pair ends here
            known = dict(pairs)
            if known.setdefault(key, value) != value:
                return None
            return Reading(tuple(known.items()), symbol)
        more = len(key) < self.key_size and symbol not in key
        return Reading(pairs, key + symbol) if more else None

    def _due(self, state: Reading) -> str:
        """What of the value is due: nothing unless the key was there before."""
        if len(state.key) < self.key_size:
            return ""
        return dict(state.pairs).get(state.key, "")[len(state.value) :]

    def accepts(self, state: Reading) -> bool:
        return len(self._due(state)) == 1

    def target(self, state: Reading) -> int:
        due = self._due(state)
        return self.classes.index(due[0]) if due else NO_TARGET

    # Counting

    def count_capped(self, length: int) -> int:
        if length > COUNTED and self.count(COUNTED) >= MANY:  # padding makes a string longer
            return MANY
        return super().count_capped(length)

    def completions(self, state: Reading, length: int) -> int:
        pairs, key, value = state
        sizes = [len(known) for _, known in pairs if known]
        held = tuple(sizes.count(size) for size in range(1, self.value_size + 1))
        if state == self.start:
            return sum(self._ways(held, left) for left in range(1, length + 1))
        if not value:
            prefixed = [len(known) for name, known in pairs if name.startswith(key)]
            like = tuple(prefixed.count(size) for size in range(1, self.value_size + 1))
            return self._with_key(held, like, self.key_size - len(key), length)
        if (known := dict(pairs).get(key)) is not None:
            left = len(known) - len(value)
            return self._ways(held, length - left) + (left > 0 and length == left - 1)
        ways = 0
        for more in range(self.value_size - len(value) + 1):
            after = self._more(held, len(value) + more)
            ways += perm(len(self.classes) - len(value), more) * self._ways(after, length - more)
        return ways

    def _ways(self, held: tuple[int, ...], length: int) -> int:
        """Ways to go on for `length` symbols with a key.

        `held[i]` keys have a value of i + 1 symbols. Keys are alike, so that no more matters.
        """
        if length < self.key_size:
            return 0
        if (held, length) not in self._counted:
            self._counted[held, length] = self._with_key(held, held, self.key_size, length)
        return self._counted[held, length]

    def _with_key(self, held: tuple, like: tuple, missing: int, length: int) -> int:
        """The same with `missing` symbols of a key, which may be one of those of `like`."""
        new = perm(len(self.keys) - self.key_size + missing, missing) - sum(like)
        ways = 0
        for i, number in enumerate(like):
            left = length - missing - (i + 1)
            ways += number * (self._ways(held, left) + (left == -1))
            if new:
                values = perm(len(self.classes), i + 1)
                ways += new * values * self._ways(self._more(held, i + 1), left)
        return ways

    def _more(self, held: tuple[int, ...], size: int) -> tuple[int, ...]:
        """With one more key whose value has `size` symbols."""
        return (*held[: size - 1], held[size - 1] + 1, *held[size:])

    # Sampling

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        return [self._one(rng, length) for _ in range(count)]

    def _one(self, rng: np.random.Generator, length: int) -> str:
        asked = self._some(rng, self.keys, self.key_size)
        most = min(self.value_size, (length + 1) // 2 - self.key_size)
        value = self._some(rng, self.classes, int(rng.integers(1, most + 1)))
        left = length - 2 * len(asked + value) + 1
        known, pairs = {asked: value}, [asked + value]
        while left > 0:
            key = self._some(rng, self.keys, self.key_size)
            drawn = self._some(rng, self.classes, int(rng.integers(1, self.value_size + 1)))
            pair = key + known.setdefault(key, drawn)
            left -= len(pair)
            if left >= 0:
                pairs.append(pair)
        place = int(rng.integers(len(pairs)))
        pairs[0], pairs[place] = pairs[place], pairs[0]
        string = "".join([*pairs, asked + value])
        return string[:-1].rjust(length, PAD)

    def _some(self, rng: np.random.Generator, symbols: tuple[str, ...] | str, size: int) -> str:
        return "".join([symbols[i] for i in rng.permutation(len(symbols))[:size].tolist()])
