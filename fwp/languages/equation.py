"""Equations with brackets and one unknown, modulo a number: context-free."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from fwp.languages._checks import check_integer
from fwp.languages.arithmetic import ModularArithmeticBrackets
from fwp.languages.base import NO_TARGET, Language
from fwp.languages.tracking import ASK

UNKNOWN = "x"
Line = tuple[int, int]
"""(a, b): the value a·x + b. As x occurs once, and never in a product, a is 0, 1 or −1."""


class Reading(NamedTuple):
    """Where the reader of an equation stands.

    Attributes:
        open: for each open bracket, the value of the left operand and the operator; "" as long as
            there is no operator.
        due: as in `fwp.languages.arithmetic.Reading`; also "value" after =, and "nothing".
        value: of the operand; at the end, of the unknown.
        used: whether the unknown was read.
    """

    open: tuple[tuple[Line, str], ...] = ()
    due: str = "operand"
    value: Line = (0, 0)
    used: bool = False


class SolveEquation(Language):
    """An equation such as ((1+-x)-3)=4; the end has the only target, the value of the unknown.

    The expressions are those of `modular_arithmetic_brackets`, with one digit replaced by x.
    Delétang et al. 2023. As in their code, a random place of the expression is chosen, and x is put
    at the first digit from there on, beginning again at the end.

    Args:
        modulus: 2 to 10; the digits are those below it.
    """

    name = "solve_equation"
    title = "Solve equation"
    start = Reading()
    distribution = "expressions as in modular_arithmetic_brackets, the unknown at a random place"
    period = 1

    def __init__(self, *, modulus: int = 5):
        check_integer("modulus", modulus, 2, 10)
        self.modulus = modulus
        self._plain = ModularArithmeticBrackets(modulus=modulus)
        self.classes = self._plain.classes
        self.alphabet = (*self.classes, "+", "-", "(", ")", UNKNOWN, ASK)

    def step(self, state: Reading, symbol: str) -> Reading | None:
        following = self._step(state, symbol)
        if following is None or following.used or following.due in ("operand", "digit"):
            return following
        # The unknown must still come, so one of the open brackets must get a second operand.
        return following if any(not sign for _, sign in following.open) else None

    def _step(self, state: Reading, symbol: str) -> Reading | None:
        before, due, value, used = state
        if due in ("operand", "digit"):
            if symbol in self.classes or (symbol == UNKNOWN and not used):
                sign = 1 if due == "operand" else -1
                line = (sign, 0) if symbol == UNKNOWN else (0, sign * int(symbol))
                return Reading(before, "", line, used or symbol == UNKNOWN)
            if due == "digit" or symbol not in "(-":
                return None
            if symbol == "-":
                return Reading(before, "digit", value, used)
            return Reading((*before, ((0, 0), "")), due, value, used)
        if due == "value" and symbol in self.classes:
            factor, rest = value
            return Reading((), "nothing", (0, factor * (int(symbol) - rest) % self.modulus), used)
        if due in ("value", "nothing"):
            return None
        if not before:
            return Reading((), "value", value, used) if symbol == ASK else None
        *outer, (left, sign) = before
        if symbol in "+-" and not sign:
            return Reading((*outer, (value, symbol)), "operand", value, used)
        if symbol != ")" or (not sign and due == "bracket"):
            return None
        turn = -1 if sign == "-" else 1
        line = (left[0] + turn * value[0], (left[1] + turn * value[1]) % self.modulus)
        return Reading(tuple(outer), "bracket", line, used)

    def accepts(self, state: Reading) -> bool:
        return state.due == "nothing"

    def target(self, state: Reading) -> int:
        return state.value[1] if state.due == "nothing" else NO_TARGET

    # Counting

    def count(self, length: int) -> int:
        return self.modulus * self._with_unknown(length - 2) if length > 2 else 0

    def _without(self, length: int) -> int:
        """Number of expressions without the unknown."""
        return self._plain.count(length + 1)

    def _with_unknown(self, length: int) -> int:
        """Number of expressions in which it occurs once."""
        known = self._known
        for n in range(len(known), length + 1):
            pairs = ((left, n - 3 - left) for left in range(1, n - 3))
            ways = sum(known[left] * self._without(right) for left, right in pairs)
            known.append(4 * ways if n > 4 else 1)  # two operators; in either operand
        return known[length]

    @cached_property
    def _known(self) -> list[int]:
        return [0]

    def completions(self, state: Reading, length: int) -> int:
        if state.due in ("value", "nothing"):
            left = int(state.due == "value")
            return self.modulus**left if length == left else 0
        signs = tuple(bool(sign) for _, sign in state.open)
        return self._ways(signs, state.due, state.used, length)

    def _ways(self, open_: tuple[bool, ...], due: str, used: bool, length: int) -> int:
        """Completions, given which open brackets have an operator, and what is due."""
        if (key := (open_, due, used, length)) in self._counted:
            return self._counted[key]
        if length < 2 + len(open_):
            ways = 0
        elif due == "digit":
            ways = self.modulus * self._ways(open_, "", used, length - 1)
            ways += 0 if used else self._ways(open_, "", True, length - 1)
        elif due == "operand":
            ways = 0
            for n in range(1, length):
                after = "" if n < 3 else "bracket"
                if rest := self._ways(open_, after, used, length - n):
                    ways += self._without(n) * rest
                if not used and (rest := self._ways(open_, after, True, length - n)):
                    ways += self._with_unknown(n) * rest
        elif not open_:
            ways = self.modulus * (length == 2 and used)
        elif open_[-1]:
            ways = self._ways(open_[:-1], "bracket", used, length - 1)
        else:
            ways = 2 * self._ways((*open_[:-1], True), "operand", used, length - 1)
            if due == "":
                ways += self._ways(open_[:-1], "bracket", used, length - 1)
        self._counted[key] = ways
        return ways

    # Sampling

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        strings = []
        for asked in self._plain.draw(rng, length - 1, count):
            expression = asked.removesuffix(ASK)
            value = self.classes[self._plain.label(asked)[-1]]
            digits = [i for i, symbol in enumerate(expression) if symbol in self.classes]
            place = int(rng.integers(len(expression)))
            at = next((i for i in digits if i >= place), digits[0])
            equation = f"{expression[:at]}{UNKNOWN}{expression[at + 1 :]}"
            strings.append(f"{equation}{ASK}{value}")
        return strings
