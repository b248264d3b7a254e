"""In-context recall (Poli et al. 2024): pairs of key and value that recur."""

from typing import NamedTuple

import numpy as np

from fwp.languages._checks import check_integer, shown
from fwp.languages.base import NO_TARGET, Language
from fwp.languages.mqar import KEYS, VALUES

NOISE = "".join(map(chr, range(0x100, 0x140)))


class Known(NamedTuple):
    """The values of keys so far, and what was read of the present pair.

    Attributes:
        pairs: key and value, in the order of the keys' first occurrences.
        key: the key or noise with which a pair begins that is half read.
    """

    pairs: tuple[tuple[str, str], ...] = ()
    key: str = ""


class InContextRecall(Language):
    """Pairs of a key and a value; a key that recurs has the same value.

    Poli et al. 2024, with many queries. The target at a key that was there before is its value;
    other positions have none. A string ends with such a key. Two symbols of noise may stand in
    place of a pair. State: the values so far, and the key or noise that was read last.

    Args:
        keys: how many there are to choose from.
        values: how many there are to choose from.
        noise: the probability that noise stands in place of a pair.
        noise_symbols: how many symbols of noise there are.
    """

    name = "in_context_recall"
    title = "In-context recall, noise {noise}"
    start = Known()
    period = 2

    def __init__(
        self, *, keys: int = 8, values: int = 8, noise: float = 0.0, noise_symbols: int = 16
    ):
        check_integer("keys", keys, 1, len(KEYS))
        check_integer("values", values, 2, len(VALUES))
        check_integer("noise_symbols", noise_symbols, 1, len(NOISE))
        if type(noise) not in (int, float) or not 0 <= noise < 1:
            raise ValueError(f"noise: must be a probability below 1, got {shown(noise)}")
        self.keys, self.classes, self.noise = KEYS[:keys], tuple(VALUES[:values]), noise
        self.noisy = NOISE[:noise_symbols] if noise else ""
        self.alphabet = (*self.keys, *self.classes, *self.noisy)
        self.distribution = "independent keys, equally likely; so are the values of new keys"
        if noise:
            self.distribution += f"; noise in place of a pair with probability {noise}"

    def step(self, state: Known, symbol: str) -> Known | None:
        pairs, key = state
        if not key:
            return Known(pairs, symbol) if symbol in self.keys or symbol in self.noisy else None
        if key in self.noisy:
            return Known(pairs) if symbol in self.noisy else None
        if symbol not in self.classes:
            return None
        before = dict(pairs).get(key)
        if before is None:
            return Known((*pairs, (key, symbol)))
        return Known(pairs) if symbol == before else None

    def accepts(self, state: Known) -> bool:
        return state.key in dict(state.pairs)

    def target(self, state: Known) -> int:
        if not self.accepts(state):
            return NO_TARGET
        return self.classes.index(dict(state.pairs)[state.key])

    def completions(self, state: Known, length: int) -> int:
        known = len(state.pairs)
        if length == 0:
            return int(self.accepts(state))
        if (length + (state.key == "")) % 2:
            return 0
        left = (length - 1) // 2  # pairs after the present symbol, before the last key
        if not state.key:
            return self._ways(known, left)
        if state.key in self.noisy:
            return len(self.noisy) * self._ways(known, left)
        if self.accepts(state):
            return self._ways(known, left)
        return len(self.classes) * self._ways(known + 1, left)

    def _ways(self, known: int, pairs: int) -> int:
        """So many pairs or noise, then a key that is known; `known` keys are so before."""
        counted = self._counted
        for n in range(pairs + 1):
            for have in range(min(len(self.keys), known + pairs - n) + 1):
                if (have, n) in counted:
                    continue
                if n == 0:
                    counted[have, n] = have
                    continue
                new = (len(self.keys) - have) * len(self.classes)
                ways = (have + len(self.noisy) ** 2) * counted[have, n - 1]
                counted[have, n] = ways + (new * counted[have + 1, n - 1] if new else 0)
        return counted[known, pairs]

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        return [self._one(rng, (length - 1) // 2) for _ in range(count)]

    def _one(self, rng: np.random.Generator, pairs: int) -> str:
        values = rng.integers(len(self.classes), size=len(self.keys))
        known = dict(zip(self.keys, (self.classes[v] for v in values.tolist()), strict=True))
        keys = rng.integers(len(self.keys), size=pairs).tolist()
        noise = rng.integers(max(1, len(self.noisy)), size=(pairs, 2)).tolist()
        noisy = rng.random(pairs) < self.noise
        noisy[rng.integers(pairs)] = False  # one pair at least
        symbols, seen = [], []
        for key, drawn, is_noise in zip(keys, noise, noisy.tolist(), strict=True):
            if is_noise:
                symbols += [self.noisy[i] for i in drawn]
            else:
                symbols += [self.keys[key], known[self.keys[key]]]
                seen.append(self.keys[key])
        present = list(dict.fromkeys(seen))
        return "".join([*symbols, present[rng.integers(len(present))]])
