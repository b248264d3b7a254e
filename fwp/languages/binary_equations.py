"""Equations of binary numbers, x+y=z, x×y=z and x=⌊√z⌋, as strings (FLaRe, Butoi et al. 2025)."""

from abc import abstractmethod
from math import isqrt
from typing import NamedTuple

import numpy as np

from fwp.languages._checks import MANY
from fwp.languages.base import Language, _below

EQUALS = "="
MOST_ADDED = 2**21  # numbers that a count goes through
LARGEST = 2**62  # of these numbers


class Operands(NamedTuple):
    """The operands that were read, and the bits of the present one, the lowest first."""

    before: tuple[int, ...] = ()
    bits: str = ""


class Result(NamedTuple):
    """The bits of the result, and how many of them were read."""

    bits: str
    read: int


class BinaryEquation(Language):
    """Operands, = and the result. Numbers are binary, the lowest bit comes first.

    Operands and result may have any number of zeros at their ends; 0 is a zero at least. The target
    is what may follow. Given the length, the lengths of the parts are shares of a Dirichlet
    distribution, and the operands uniform among those whose result fits, as in the code of FLaRe.
    """

    signs: str
    """After each operand."""
    shares: tuple[int, ...]
    """Parameters of the Dirichlet distribution, by part."""
    start = Operands()
    distribution = "lengths of the parts by a Dirichlet distribution, numbers uniform that fit"

    def __init__(self):
        self.alphabet = tuple("01" + self.signs)
        self._first = len(self.signs) - 1  # of the classes after an operand was begun
        after = (f"01{sign}" for sign in self.signs)
        self.classes = (*["01"] * self._first, *after, "0", "1", "0 end")

    @abstractmethod
    def result(self, operands: tuple[int, ...]) -> int:
        """What the equation says of the operands."""

    def step(self, state: Operands | Result, symbol: str) -> Operands | Result | None:
        if isinstance(state, Result):
            bits, read = state
            due = bits[read : read + 1] or "0"
            return Result(bits, min(read + 1, len(bits))) if symbol == due else None
        before, bits = state
        if symbol in "01":
            return Operands(before, bits + symbol)
        if not bits or symbol != self.signs[len(before)]:
            return None
        before = (*before, int(bits[::-1], 2))
        if symbol != EQUALS:
            return Operands(before)
        return Result(f"{self.result(before):b}"[::-1], 0)

    def accepts(self, state: Operands | Result) -> bool:
        return isinstance(state, Result) and state.read == len(state.bits)

    def target(self, state: Operands | Result) -> int:
        if isinstance(state, Operands):
            return self._first + len(state.before) if state.bits else 0
        return 2 * self._first + 1 + (2 if self.accepts(state) else int(state.bits[state.read]))

    def completions(self, state: Operands | Result, length: int) -> int:
        if isinstance(state, Result):
            return int(length >= len(state.bits) - state.read)
        if (state, length) not in self._counted:
            self._counted[state, length] = self._ways(state, length)
        return self._counted[state, length]

    @abstractmethod
    def _ways(self, state: Operands, length: int) -> int:
        """`completions` of a state before the result."""

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        strings = []
        for _ in range(count):
            sizes = self._sizes(rng, length)
            operands = self._operands(rng, sizes)
            text = "".join(
                f"{number:0{size}b}"[::-1] + sign
                for number, size, sign in zip(operands, sizes, self.signs, strict=False)
            )
            bits = f"{self.result(tuple(operands)):b}"[::-1]
            strings.append(text + bits.ljust(length - len(text), "0"))
        return strings

    def _sizes(self, rng: np.random.Generator, length: int) -> list[int]:
        """Lengths of the parts of a string."""
        parts = len(self.shares)
        free = length - (2 * parts - 1)
        ends = np.floor(np.cumsum(rng.dirichlet(self.shares))[:-1] * free).astype(int)
        return [1 + int(size) for size in np.diff([0, *ends, free])]

    @abstractmethod
    def _operands(self, rng: np.random.Generator, sizes: list[int]) -> list[int]:
        """Operands of the first `sizes`, with a result of the last size; `sizes` may be changed."""


class TwoOperands(BinaryEquation):
    """An equation of two operands, of which either may be the longer one."""

    def _operands(self, rng: np.random.Generator, sizes: list[int]) -> list[int]:
        sizes[:2] = sorted(sizes[:2])
        limit = 2 ** sizes[2]
        first = _below(rng, min(2 ** sizes[0], self._second(limit, 0, limit)))
        second = _below(rng, min(2 ** sizes[1], self._second(limit, first, 2 ** sizes[1])))
        if rng.integers(2):
            sizes[:2] = sizes[1::-1]
            return [second, first]
        return [first, second]

    @abstractmethod
    def _second(self, limit: int, first: int, most: int) -> int:
        """How many second operands, `most` or fewer, have a result below `limit`."""

    @abstractmethod
    def _pairs(self, low: int, known: int, free: int, size: int, limit: int) -> int:
        """Pairs with a result below `limit`.

        The first operand has `free` bits above `known` ones, which are the number `low`; the second
        has `size` bits.
        """

    def _ways(self, state: Operands, length: int) -> int:
        before, bits = state
        low, known = int(bits[::-1] or "0", 2), len(bits)
        least = 0 if bits else 1  # bits that the present operand still needs
        if before:
            return sum(
                self._seconds(before[0], low, known, free, 2 ** (length - free - 1))
                for free in range(least, length - 1)
            )
        return sum(
            self._pairs(low, known, free, size, 2 ** (length - free - size - 2))
            for free in range(least, length - 3)
            for size in range(1, length - free - 2)
        )

    def _seconds(self, first: int, low: int, known: int, free: int, limit: int) -> int:
        """Second operands with `free` bits above `known` ones and a result below `limit`."""
        below = self._second(limit, first, 2 ** (known + free))
        return min(2**free, max(0, -((low - below) >> known)))


class FlareBinaryAddition(TwoOperands):
    """x+y=z: 01+11=101 stands for 2 + 3 = 5."""

    name = "flare_binary_addition"
    title = "Binary addition (FLaRe)"
    signs = "+="
    shares = (1, 1, 1)

    def result(self, operands: tuple[int, ...]) -> int:
        return sum(operands)

    def _second(self, limit: int, first: int, most: int) -> int:
        return min(most, max(0, limit - first))

    def _pairs(self, low: int, known: int, free: int, size: int, limit: int) -> int:
        # Of the i-th first operand, low + 2**known · i, limit − low − 2**known · i second ones fit,
        # from none to all; between these bounds the numbers are a series.
        every, step, room = 2**size, 2**known, limit - low
        whole = min(2**free, max(0, (room - every) // step + 1))
        some = min(2**free, max(0, -(-room // step)))
        some = max(some, whole)
        series = (some - whole) * room - step * (some * (some - 1) - whole * (whole - 1)) // 2
        return whole * every + series

    def count_capped(self, length: int) -> int:
        # x and y of 20 bits each are as many, and z has room for them.
        return MANY if length >= 63 else super().count_capped(length)


class FlareBinaryMultiplication(TwoOperands):
    """x×y=z: 01×11=011 stands for 2 · 3 = 6."""

    name = "flare_binary_multiplication"
    title = "Binary multiplication (FLaRe)"
    signs = "×="
    shares = (1, 1, 2)

    def result(self, operands: tuple[int, ...]) -> int:
        return operands[0] * operands[1]

    def _second(self, limit: int, first: int, most: int) -> int:
        return min(most, -(-limit // first)) if first else most

    def _pairs(self, low: int, known: int, free: int, size: int, limit: int) -> int:
        if not known and free > size:
            free, size = size, free
        every, number, step = 2**size, 2**free, 2**known
        # Of first operands up to a bound all second ones fit; from the limit on, 0 alone does.
        whole = min(number, max(0, ((limit - 1) // (every - 1) - low) // step + 1))
        some = max(whole, min(number, -((low - limit) // step)))
        if some > whole and (some - whole > MOST_ADDED or limit > LARGEST):
            raise ValueError(f"{self.name} has too many strings of these lengths to count them")
        few = number - some
        if some > whole:
            few += int((-(-limit // (low + step * np.arange(whole, some)))).sum())
        return whole * every + few

    def count_capped(self, length: int) -> int:
        # There are as many with x = z = 0 and a single bit for both of them.
        return MANY if length >= 44 else super().count_capped(length)


class FlareComputeSqrt(BinaryEquation):
    """x=z, where z is the square root of x, rounded down: 0101=11 stands for ⌊√10⌋ = 3.

    It is exact. The code of FLaRe computes it in double precision, which errs for large numbers.
    """

    name = "flare_compute_sqrt"
    title = "Square root (FLaRe)"
    signs = "="
    shares = (2, 1)

    def result(self, operands: tuple[int, ...]) -> int:
        return isqrt(operands[0])

    def _ways(self, state: Operands, length: int) -> int:
        low, known = int(state.bits[::-1] or "0", 2), len(state.bits)
        ways = 0
        for free in range(0 if state.bits else 1, length - 1):
            below = 4 ** (length - free - 1)  # the square of the first root that is too large
            ways += min(2**free, max(0, -((low - below) >> known)))
        return ways

    def _operands(self, rng: np.random.Generator, sizes: list[int]) -> list[int]:
        return [_below(rng, min(2 ** sizes[0], 4 ** sizes[1]))]
