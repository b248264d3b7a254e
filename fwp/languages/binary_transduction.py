"""Arithmetic of binary numbers as transduction (Delétang et al. 2023): context-sensitive."""

from abc import abstractmethod
from math import isqrt

import numpy as np

from fwp.languages._checks import MANY
from fwp.languages.base import _below
from fwp.languages.transduction import BLANK, END, Transduction, Writing


class BinaryOperation(Transduction):
    """Two positive numbers with a sign between them; the answer is the result, and then "end".

    The lowest bit comes first. Operands may have zeros at their ends. Blanks after the end have no
    target. State: what was read; once the answer is due, the answer.
    """

    sign: str
    period = 2
    distribution = "lengths of the first operand evenly, uniform positive numbers, then blanks"

    def __init__(self):
        self.inputs = ("0", "1", self.sign)
        super().__init__()
        self.classes = ("0", "1", "end")

    @abstractmethod
    def result(self, first: int, second: int) -> int:
        """Of the two operands."""

    def answer(self, string: str) -> str:
        first, second = (int(bits[::-1], 2) for bits in string.split(self.sign))
        bits = f"{self.result(first, second):b}"[::-1]
        return (bits + END).ljust(self.answer_length(len(string)), BLANK)

    def step(self, state: str | Writing, symbol: str) -> str | Writing | None:
        if not isinstance(state, Writing) and symbol not in "01":
            first, signs, second = state.partition(self.sign)
            if "1" not in (second if signs else first) or (symbol == self.sign) == bool(signs):
                return None
        return super().step(state, symbol)

    def target(self, state: str | Writing) -> int:
        if isinstance(state, Writing) and state.answer[state.written - 1] == END:
            return 2
        return super().target(state)

    def completions(self, state: str | Writing, length: int) -> int:
        if isinstance(state, Writing):
            return super().completions(state, length)
        left = self._inputs(len(state) + length) - len(state)
        first, signs, second = state.partition(self.sign)
        if signs:
            return _positive(second, left)
        return sum(_positive(first, more) * _positive("", left - 1 - more) for more in range(left))

    def count_capped(self, length: int) -> int:
        return MANY if self._inputs(length) > 45 else super().count_capped(length)

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        inputs = self._inputs(length)
        blanks = BLANK * (length - inputs)
        strings = []
        for size in rng.integers(1, inputs - 1, size=count).tolist():
            first, second = (_number(rng, bits)[::-1] for bits in (size, inputs - 1 - size))
            strings.append(first + self.sign + second + blanks)
        return strings


def _positive(bits: str, more: int) -> int:
    """How many continuations of `bits` by `more` others are a positive number."""
    return 2**more - ("1" not in bits) if more >= 0 else 0


def _number(rng: np.random.Generator, bits: int) -> str:
    """A positive number of so many bits, the highest first."""
    return f"{1 + _below(rng, 2**bits - 1):0{bits}b}"


class BinaryAddition(BinaryOperation):
    """001+01101: 4 + 22 = 26, for which the answer is 01011 and the end."""

    name = "binary_addition"
    title = "Binary addition"
    sign = "+"

    def result(self, first: int, second: int) -> int:
        return first + second

    def answer_length(self, length: int) -> int:
        return length + 1


class BinaryMultiplication(BinaryOperation):
    """001×01101: 4 · 22 = 88, for which the answer is 0001101 and the end."""

    name = "binary_multiplication"
    title = "Binary multiplication"
    sign = "×"

    def result(self, first: int, second: int) -> int:
        return first * second


class ComputeSqrt(Transduction):
    """The square root of a positive binary number, rounded down; the highest bit comes first.

    The number may begin with zeros. The root has half as many bits, rounded up. All numbers are
    equally likely.
    """

    name = "compute_sqrt"
    title = "Square root"
    inputs = ("0", "1")
    period = 3
    distribution = "uniform positive numbers, then blanks"

    def answer(self, string: str) -> str:
        return f"{isqrt(int(string, 2)):0{self.answer_length(len(string))}b}"

    def answer_length(self, length: int) -> int:
        return (length + 1) // 2

    def step(self, state: str | Writing, symbol: str) -> str | Writing | None:
        if symbol == BLANK and not isinstance(state, Writing) and "1" not in state:
            return None
        return super().step(state, symbol)

    def completions(self, state: str | Writing, length: int) -> int:
        ways = super().completions(state, length)
        return ways - (ways > 0 and not isinstance(state, Writing) and "1" not in state)

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        inputs = self._inputs(length)
        blanks = BLANK * (length - inputs)
        return [_number(rng, inputs) + blanks for _ in range(count)]
