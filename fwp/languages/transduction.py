"""Transduction tasks of Delétang et al. (2023): an input, then an answer of several symbols."""

from abc import abstractmethod
from typing import NamedTuple

import numpy as np

from fwp.languages._checks import check_choice, check_flag
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


class CopyBits(Transduction):
    """The input again: the copy task of Irie, Gopalakrishnan and Schmidhuber (2024).

    A string of 2 n symbols holds n bits, as many of which have to be kept at once.
    """

    name = "copy_bits"
    title = "Copy"
    inputs = ("0", "1")

    def answer(self, string: str) -> str:
        return string


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
    target.

    Args:
        initial_stack: as in Delétang et al., a string begins with the symbols of a stack, from
            bottom to top: a for 0, b for 1. There is at least one of them and one action, and each
            number of them is equally likely. The symbols themselves are uniform.
    """

    name = "stack_manipulation"
    title = "Stack manipulation"
    inputs = ("0", "1", "-")

    def __init__(self, *, initial_stack: bool = False):
        check_flag("initial_stack", initial_stack)
        super().__init__()
        self.classes = ("0", "1", "end")
        self.initial_stack = initial_stack
        if initial_stack:
            self.alphabet = (*STACK, *self.alphabet)
            self.distribution = (
                "an initial stack of uniform symbols and random size, uniform actions, then blanks"
            )

    def answer(self, string: str) -> str:
        stack: list[str] = []
        for symbol in string:
            if symbol in STACK:
                stack.append("01"[STACK.index(symbol)])
            elif symbol != "-":
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

    def step(self, state: str | Writing, symbol: str) -> str | Writing | None:
        if self.initial_stack and not isinstance(state, Writing):
            if symbol in STACK:
                may_follow = not self._acts(state)
            else:
                may_follow = self._acts(state) or (state != "" and symbol != BLANK)
            if not may_follow:
                return None
        return super().step(state, symbol)

    def _acts(self, state: str) -> bool:
        """Whether the initial stack is over."""
        return state != "" and state[-1] not in STACK

    def completions(self, state: str | Writing, length: int) -> int:
        if not self.initial_stack or isinstance(state, Writing) or self._acts(state):
            return super().completions(state, length)
        left = self._inputs(len(state) + length) - len(state)
        first = 0 if state else 1  # symbols that the stack must still get
        return sum(2**more * 3 ** (left - more) for more in range(first, left))

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        if not self.initial_stack:
            return super().draw(rng, length, count)
        inputs = self._inputs(length)
        strings = []
        for size in rng.integers(1, inputs, size=count).tolist():
            [stack] = independent(rng, STACK, size, 1)
            [actions] = independent(rng, self.inputs, inputs - size, 1)
            strings.append(stack + actions + BLANK * (length - inputs))
        return strings


STACK = ("a", "b")  # symbols of an initial stack: a 0 and a 1
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

    Args:
        first: "odd", as Delétang et al. describe the task, or "even", as their code has it: the
            symbols at even places come first.
    """

    name = "odds_first"
    title = "Odds first"
    inputs = ("a", "b")

    def __init__(self, *, first: str = "odd"):
        check_choice("first", first, ("odd", "even"))
        super().__init__()
        self.first = first

    def answer(self, string: str) -> str:
        odd, even = string[::2], string[1::2]
        return odd + even if self.first == "odd" else even + odd


class BucketSort(Transduction):
    """The input sorted: context-sensitive, though five counters suffice."""

    name = "bucket_sort"
    title = "Bucket sort"
    inputs = ("1", "2", "3", "4", "5")

    def answer(self, string: str) -> str:
        return "".join(sorted(string))
