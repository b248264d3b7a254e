"""Strings followed by their reversal, without a mark: the middle must be guessed."""

import numpy as np

from fwp.languages.base import Language
from fwp.languages.tracking import independent


class UnmarkedReversal(Language):
    """wwᴿ: palindromes of even length. The target is what may follow.

    So it says whether the prefix is in the language. Butoi et al. 2025 (FLaRe). State: the prefix.
    """

    name = "unmarked_reversal"
    title = "Unmarked reversal"
    alphabet = ("0", "1")
    classes = ("01", "01 end")
    start = ""
    period = 2

    def step(self, state: str, symbol: str) -> str:
        return state + symbol

    def accepts(self, state: str) -> bool:
        return len(state) % 2 == 0 and state == state[::-1]

    def target(self, state: str) -> int:
        return int(self.accepts(state))

    def completions(self, state: str, length: int) -> int:
        half, odd = divmod(len(state) + length, 2)
        if odd:
            return 0
        if half >= len(state):
            return 2 ** (half - len(state))
        after = len(state) - half  # symbols of the second half, which must mirror the first
        return int(state[half:] == state[half - after : half][::-1])

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        return [w + w[::-1] for w in independent(rng, self.alphabet, length // 2, count)]
