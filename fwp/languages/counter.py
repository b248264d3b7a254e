"""Counter languages: as many of each letter as of the first, in alphabetical order."""

import numpy as np

from fwp.languages.base import Language


class Blocks(Language):
    """aⁿbⁿ… with n ≥ 1: a subclass names the letters. One string per multiple of their number.

    The target is the set of symbols that may follow: {a, b} after an a, afterwards the one letter
    that is owed, in the end none. State: (index of the letter last read, n so far, how many of that
    letter are still owed).
    """

    alphabet: tuple[str, ...]
    start = (0, 0, 0)
    distribution = "one string per length"

    def __init__(self):
        first, second, *others = self.alphabet
        self.classes = (first + second, second, *others, "end")

    def step(self, state: tuple[int, int, int], symbol: str) -> tuple[int, int, int] | None:
        letter, n, owed = state
        read = self.alphabet.index(symbol)
        if letter == read == 0:
            return (0, n + 1, 0)
        if read == letter and owed > 0:
            return (letter, n, owed - 1)
        if read == letter + 1 and owed == 0 and n > 0:
            return (read, n, n - 1)
        return None

    def accepts(self, state: tuple[int, int, int]) -> bool:
        letter, _, owed = state
        return letter == len(self.alphabet) - 1 and owed == 0

    def target(self, state: tuple[int, int, int]) -> int:
        letter, _, owed = state
        return letter + (letter > 0 and owed == 0)

    def count(self, length: int) -> int:
        return int(length > 0 and length % len(self.alphabet) == 0)

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:  # noqa: ARG002
        n = length // len(self.alphabet)
        return ["".join(letter * n for letter in self.alphabet)] * count


class AnBn(Blocks):
    """aⁿbⁿ. Bhattamishra et al. 2020."""

    name = "anbn"
    title = "aⁿbⁿ"
    latex = "$a^nb^n$"
    alphabet = ("a", "b")


class AnBnCn(Blocks):
    """aⁿbⁿcⁿ, not context-free. Bhattamishra et al. 2020."""

    name = "anbncn"
    title = "aⁿbⁿcⁿ"
    latex = "$a^nb^nc^n$"
    alphabet = ("a", "b", "c")


class AnBnCnDn(Blocks):
    """aⁿbⁿcⁿdⁿ, not context-free. Bhattamishra et al. 2020."""

    name = "anbncndn"
    title = "aⁿbⁿcⁿdⁿ"
    latex = "$a^nb^nc^nd^n$"
    alphabet = ("a", "b", "c", "d")
