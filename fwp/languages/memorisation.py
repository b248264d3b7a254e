"""Memorisation (Poli et al. 2024): facts that are the same in every string."""

import numpy as np

from fwp.languages._checks import check_integer
from fwp.languages.base import NO_TARGET, Language
from fwp.languages.tracking import ASK

SYMBOLS = "".join(map(chr, [*range(0x61, 0x7B), *range(0xC0, 0x1A5)]))


class Memorisation(Language):
    """Keys, each with the symbol = behind it, at which its value is due.

    Poli et al. 2024. Each key has one value, the same in all strings, so that a model must learn
    the facts in its weights: no string says what they are. As there, one value has no key; it is no
    class. All strings of a length are equally likely. State: the key whose value is due.

    Args:
        facts: how many keys there are, each with its own value.
        seed: of the facts. The default with 127 facts gives those of the authors' code.
    """

    name = "memorisation"
    title = "Memorisation"
    start = ""
    period = 2
    distribution = "independent keys, all equally likely"

    def __init__(self, *, facts: int = 127, seed: int = 12345):
        check_integer("facts", facts, 2, len(SYMBOLS))
        check_integer("seed", seed, 0, 2**32 - 1)
        self.keys = tuple(SYMBOLS[:facts])
        self.alphabet = (*self.keys, ASK)
        rng = np.random.default_rng(seed)
        keys, values = list(range(facts)), list(range(facts + 1))
        rng.shuffle(keys)
        rng.shuffle(values)
        used = sorted(values[:facts])
        self.classes = tuple(f"v{value}" for value in used)
        self._facts = {self.keys[k]: used.index(v) for k, v in zip(keys, values, strict=False)}

    def step(self, state: str, symbol: str) -> str | None:
        asking = symbol == ASK
        if asking == (state in self._facts):
            return state + symbol if asking else symbol
        return None

    def accepts(self, state: str) -> bool:
        return state.endswith(ASK)

    def target(self, state: str) -> int:
        return self._facts[state[0]] if state.endswith(ASK) else NO_TARGET

    def completions(self, state: str, length: int) -> int:
        keys, odd = divmod(length - (state in self._facts), 2)
        if odd or keys < 0 or (keys == 0 and state == ""):
            return 0
        return len(self.keys) ** keys

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        rows = rng.integers(len(self.keys), size=(count, length // 2)).tolist()
        return ["".join([self.keys[i] + ASK for i in row]) for row in rows]
