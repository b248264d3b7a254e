"""A string, the mark # and its answer: languages w#f(w) of FLaRe (Butoi et al. 2025)."""

from abc import abstractmethod
from typing import NamedTuple

import numpy as np

from fwp.languages.base import Language
from fwp.languages.tracking import independent

MARK = "#"


class Answering(NamedTuple):
    """The answer, and how much of it was read."""

    answer: str
    read: int


class Answered(Language):
    """w#f(w), where f(w) is as long as w. The target is what may follow.

    As in the code of FLaRe, w may be empty, and all w of a length are equally likely. State: w as
    far as it was read; after the mark, the answer.
    """

    inputs: tuple[str, ...] = ("0", "1")
    start = ""
    period = 2
    distribution = "independent symbols before the mark, all equally likely"

    def __init__(self):
        self.alphabet = (*self.inputs, MARK)
        self.classes = ("".join(self.alphabet), *self.inputs, "end")

    @abstractmethod
    def answer(self, string: str) -> str:
        """What follows `string` and the mark."""

    def step(self, state: str | Answering, symbol: str) -> str | Answering | None:
        if isinstance(state, Answering):
            answer, read = state
            return Answering(answer, read + 1) if answer[read : read + 1] == symbol else None
        return Answering(self.answer(state), 0) if symbol == MARK else state + symbol

    def accepts(self, state: str | Answering) -> bool:
        return isinstance(state, Answering) and state.read == len(state.answer)

    def target(self, state: str | Answering) -> int:
        if not isinstance(state, Answering):
            return 0
        if self.accepts(state):
            return len(self.classes) - 1
        return 1 + self.inputs.index(state.answer[state.read])

    def completions(self, state: str | Answering, length: int) -> int:
        if isinstance(state, Answering):
            return int(length == len(state.answer) - state.read)
        inputs, rest = divmod(len(state) + length - 1, 2)
        return len(self.inputs) ** (inputs - len(state)) if inputs >= len(state) and not rest else 0

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        words = independent(rng, self.inputs, length // 2, count)
        return [word + MARK + self.answer(word) for word in words]


class MarkedReversal(Answered):
    """w#wᴿ: the same string backwards."""

    name = "marked_reversal"
    title = "Marked reversal"

    def answer(self, string: str) -> str:
        return string[::-1]


class MarkedCopy(Answered):
    """w#w."""

    name = "marked_copy"
    title = "Marked copy"

    def answer(self, string: str) -> str:
        return string


class FlareOddsFirst(Answered):
    """After the mark come the symbols at odd places (first, third, …), then those at even ones."""

    name = "flare_odds_first"
    title = "Odds first (FLaRe)"

    def answer(self, string: str) -> str:
        return string[::2] + string[1::2]


class FlareBucketSort(Answered):
    """After the mark come the symbols in order."""

    name = "flare_bucket_sort"
    title = "Bucket sort (FLaRe)"
    inputs = ("1", "2", "3", "4", "5")

    def answer(self, string: str) -> str:
        return "".join(sorted(string))
