"""Transduction tasks of Delétang et al. (2023): an input, then an answer of several symbols."""

from abc import abstractmethod
from typing import NamedTuple

import numpy as np

from fwp.languages.base import NO_TARGET, Language
from fwp.languages.tracking import independent

BLANK = "_"


class Writing(NamedTuple):
    """The answer, and how much of it is due already."""

    answer: str
    written: int


class Transduction(Language):
    """A string over the inputs, then a blank for every symbol of the answer, which is the target.

    The inputs have no target. All strings of a length are equally likely: the inputs are
    independent. State: what was read; once the answer is due, the answer.
    """

    inputs: tuple[str, ...]
    start = ""
    period = 2
    distribution = "independent inputs, all equally likely, then blanks"

    def __init__(self):
        self.alphabet = (*self.inputs, BLANK)
        self.classes = self.inputs

    @abstractmethod
    def answer(self, string: str) -> str:
        """What is to be written after reading `string`; a blank stands for "no target"."""

    def answer_length(self, length: int) -> int:
        """Symbols of the answer to an input of `length` symbols; it grows with the length."""
        return length

    def step(self, state: str | Writing, symbol: str) -> str | Writing | None:
        if isinstance(state, Writing):
            answer, written = state
            more = symbol == BLANK and written < len(answer)
            return Writing(answer, written + 1) if more else None
        if symbol != BLANK:
            return state + symbol
        return Writing(self.answer(state), 1) if state else None

    def accepts(self, state: str | Writing) -> bool:
        return isinstance(state, Writing) and state.written == len(state.answer)

    def target(self, state: str | Writing) -> int:
        if not isinstance(state, Writing) or state.answer[state.written - 1] == BLANK:
            return NO_TARGET
        return self.classes.index(state.answer[state.written - 1])

    def completions(self, state: str | Writing, length: int) -> int:
        if isinstance(state, Writing):
            return int(length == len(state.answer) - state.written)
        inputs = self._inputs(len(state) + length)
        return len(self.inputs) ** (inputs - len(state)) if inputs >= max(1, len(state)) else 0

    def _inputs(self, length: int) -> int:
        """How many of the `length` symbols of a string are inputs; 0: there is no such string."""
        inputs = next(n for n in range(length + 1) if n + self.answer_length(n) >= length)
        return inputs if inputs + self.answer_length(inputs) == length else 0

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        inputs = self._inputs(length)
        blanks = BLANK * (length - inputs)
        return [string + blanks for string in independent(rng, self.inputs, inputs, count)]


class ReverseString(Transduction):
    """The input backwards: deterministic context-free."""

    name = "reverse_string"
    title = "Reverse string"
    inputs = ("a", "b")

    def answer(self, string: str) -> str:
        return string[::-1]


class StackManipulation(Transduction):
    """The final content of a stack, from top to bottom: deterministic context-free.

    The inputs 0 and 1 are pushed onto the stack, which is empty at first. - pops a symbol, or does
    nothing if the stack is empty. The answer ends with the class "end"; the blanks after it have no
    target. In Delétang et al., a random initial stack comes first, in symbols of its own.
    """

    name = "stack_manipulation"
    title = "Stack manipulation"
    inputs = ("0", "1", "-")

    def __init__(self):
        super().__init__()
        self.classes = ("0", "1", "end")

    def answer(self, string: str) -> str:
        stack: list[str] = []
        for symbol in string:
            if symbol != "-":
                stack.append(symbol)
            elif stack:
                stack.pop()
        return ("".join(reversed(stack)) + END).ljust(self.answer_length(len(string)), BLANK)

    def answer_length(self, length: int) -> int:
        return length + 1

    def target(self, state: str | Writing) -> int:
        if isinstance(state, Writing) and state.answer[state.written - 1] == END:
            return 2
        return super().target(state)


END = "."  # in the answers of StackManipulation


class DuplicateString(Transduction):
    """The input twice: context-sensitive."""

    name = "duplicate_string"
    title = "Duplicate string"
    inputs = ("a", "b")
    period = 3

    def answer(self, string: str) -> str:
        return string + string

    def answer_length(self, length: int) -> int:
        return 2 * length


class OddsFirst(Transduction):
    """The symbols at odd places (first, third, …), then those at even ones: context-sensitive.

    This is what Delétang et al. describe; their code puts even places first.
    """

    name = "odds_first"
    title = "Odds first"
    inputs = ("a", "b")

    def answer(self, string: str) -> str:
        return string[::2] + string[1::2]


class BucketSort(Transduction):
    """The input sorted: context-sensitive, though five counters suffice."""

    name = "bucket_sort"
    title = "Bucket sort"
    inputs = ("1", "2", "3", "4", "5")

    def answer(self, string: str) -> str:
        return "".join(sorted(string))
