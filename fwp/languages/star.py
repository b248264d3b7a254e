"""Repetitions of one word: counting modulo its length."""

import numpy as np

from fwp.languages.base import Language


class Star(Language):
    """(word)*: a subclass names the word. The target says whether the prefix is complete.

    One string per multiple of the word's length. State: the number of symbols so far, modulo that.
    """

    word: str
    classes = ("incomplete", "complete")
    start = 0
    distribution = "one string per length"

    def __init__(self):
        self.alphabet = tuple(sorted(set(self.word)))

    def step(self, state: int, symbol: str) -> int | None:
        return (state + 1) % len(self.word) if symbol == self.word[state] else None

    def accepts(self, state: int) -> bool:
        return state == 0

    def target(self, state: int) -> int:
        return int(state == 0)

    def count(self, length: int) -> int:
        return int(length % len(self.word) == 0)

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:  # noqa: ARG002
        return [self.word * (length // len(self.word))] * count


class AaStar(Star):
    """(aa)*: is the number of symbols even? Bhattamishra et al. 2020."""

    name = "aa_star"
    title = "(aa)*"
    latex = "$(aa)^*$"
    word = "aa"


class AaaaStar(Star):
    """(aaaa)*: is the number of symbols a multiple of four? Bhattamishra et al. 2020."""

    name = "aaaa_star"
    title = "(aaaa)*"
    latex = "$(aaaa)^*$"
    word = "aaaa"


class AbabStar(Star):
    """(abab)*: is the number of symbols a multiple of four? Bhattamishra et al. 2020."""

    name = "abab_star"
    title = "(abab)*"
    latex = "$(abab)^*$"
    word = "abab"
