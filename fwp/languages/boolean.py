"""Boolean expressions in prefix notation: one counter, which steps of several sizes raise."""

from functools import cached_property

import numpy as np

from fwp.languages.base import Language

OPERATORS = "~+>&^"
"""With one operand, with two, …"""
SHARE = 0.5
"""Probability of a value in the grammar of Bhattamishra et al."""
BATCH = 32  # trials at a time


class Boolean(Language):
    """Expressions over 0, 1 and operators of 1 to n operands, in prefix notation.

    Bhattamishra et al. 2020; a subclass gives n, and there is one operator of each kind. The target
    says whether the expression is complete, so that nothing may follow. State: the number of
    operands that are due.

    Strings follow their grammar, given the length: a value, 0 or 1, with probability ½, else an
    operator, each n-ary kind equally likely. A random sequence of symbols whose operands add up
    has exactly one rotation that is an expression (the cycle lemma, Dvoretzky and Motzkin 1947). So
    draw symbols until they add up, then rotate; given the length, the law stays the same when each
    operand makes a symbol less likely by the same factor, and with the factor that makes one
    operand a symbol the average, √length trials suffice.
    """

    arity: int
    classes = ("incomplete", "complete")
    start = 1
    period = 1

    def __init__(self):
        self.alphabet = ("0", "1", *OPERATORS[: self.arity])
        self.distribution = (
            "grammar S → 0 | 1 with ½ | an operator and as many S as it takes, 1 to "
            f"{self.arity} equally likely, given the length"
        )

    def step(self, state: int, symbol: str) -> int | None:
        if state == 0:
            return None
        return state - 1 if symbol in "01" else state + OPERATORS.index(symbol)

    def accepts(self, state: int) -> bool:
        return state == 0

    def target(self, state: int) -> int:
        return int(state == 0)

    def completions(self, state: int, length: int) -> int:
        """Sequences of `length` symbols that fill `state` operands with the last of them.

        By the cycle lemma state/length of the sequences that fill so many, which are counted by a
        coefficient of (2 + x + x² + … + xⁿ)^length.
        """
        if length == 0 or state == 0:
            return int(length == state == 0)
        if length < state:
            return 0
        return state * self._coefficients(length)[length - state] // length

    def count(self, length: int) -> int:
        if (self.start, length) not in self._counted:
            self._counted[self.start, length] = self.completions(self.start, length)
        return self._counted[self.start, length]

    def _coefficients(self, power: int) -> list[int]:
        """Those of (2 + x + … + xⁿ)^power up to x^(power − 1), by the recurrence of Euler."""
        found = [2**power]
        for k in range(1, power):
            terms = range(1, min(self.arity, k) + 1)
            total = sum((i * (power + 1) - k) * found[k - i] for i in terms)
            found.append(total // (2 * k))
        return found

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        strings: list[str] = []
        while len(strings) < count:
            numbers = rng.random((BATCH, length))
            kinds = np.stack([numbers >= share for share in self._law]).sum(axis=0, dtype=np.int8)
            for trial in kinds[kinds.sum(axis=1, dtype=np.int64) == length - 1]:
                cut = int(np.argmin(np.cumsum(trial - 1, dtype=np.int64))) + 1
                values = rng.integers(2, size=length)
                tokens = np.where(trial == 0, values, trial + 1)
                strings.append(self.decode([*tokens[cut:].tolist(), *tokens[:cut].tolist()]))
        return strings[:count]

    @cached_property
    def _law(self) -> list[float]:
        """Shares of symbols with at most 0, 1, … n − 1 operands, one operand being the average."""
        weights = [SHARE] + [(1 - SHARE) / self.arity] * self.arity
        low, high = 0.0, 4.0
        for _ in range(60):
            factor = (low + high) / 2
            terms = [weight * factor**i for i, weight in enumerate(weights)]
            excess = sum((i - 1) * term for i, term in enumerate(terms))
            low, high = (low, factor) if excess > 0 else (factor, high)
        return [sum(terms[: i + 1]) / sum(terms) for i in range(self.arity)]


class Boolean3(Boolean):
    """Boolean-3. Bhattamishra et al. 2020."""

    name = "boolean_3"
    title = "Boolean-3"
    arity = 3


class Boolean5(Boolean):
    """Boolean-5. Bhattamishra et al. 2020."""

    name = "boolean_5"
    title = "Boolean-5"
    arity = 5
