"""Modular arithmetic, without brackets (regular) and with them (context-free)."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from fwp.languages._checks import check_integer, shown
from fwp.languages.base import NO_TARGET, Language, State
from fwp.languages.tracking import ASK, Asked, check_labels, independent


def _check(modulus: int, operators: str) -> None:
    check_integer("modulus", modulus, 2, 10)
    if (
        not isinstance(operators, str)
        or not operators
        or len(set(operators)) < len(operators)
        or set(operators) - set("+-*")
    ):
        raise ValueError(f"operators: must be some of + - *, each once, got {shown(operators)}")


class ModularArithmetic(Language):
    """Value of an expression such as 2+3*4-1, by the rules of precedence, modulo a number.

    Delétang et al. 2023, there modulo 5 with the answer only at the end. State: (sum of the terms
    before the present one, the present one, the operator whose operand is due, if any).

    Args:
        modulus: 2 to 10; the digits are those below it.
        operators: some of + - *.
        labels: "last": a string ends with =, and there is the target; "every": after each digit,
            the value of the expression so far; there is none at operators.
    """

    name = "modular_arithmetic"
    title = "Modular arithmetic"
    start = (0, 0, "+")
    distribution = "independent digits and operators, all equally likely"
    period = 2

    def __init__(self, *, modulus: int = 5, operators: str = "+-*", labels: str = "last"):
        _check(modulus, operators)
        check_labels(labels)
        self.modulus, self.operators, self.asks = modulus, tuple(operators), labels == "last"
        self.classes = tuple(map(str, range(modulus)))
        self.alphabet = (*self.classes, *self.operators, *([ASK] if self.asks else []))

    def step(self, state: State, symbol: str) -> State | None:
        if isinstance(state, Asked):
            return None
        total, term, operator = state
        if symbol in self.classes:
            if not operator:
                return None
            digit = int(symbol) if operator != "-" else -int(symbol)
            if operator == "*":
                return (total, term * digit % self.modulus, "")
            return ((total + term) % self.modulus, digit % self.modulus, "")
        if operator:
            return None
        return Asked(state) if symbol == ASK else (total, term, symbol)

    def accepts(self, state: State) -> bool:
        return isinstance(state, Asked) if self.asks else not state[2]

    def target(self, state: State) -> int:
        if self.asks != isinstance(state, Asked):
            return NO_TARGET
        total, term, operator = state.state if self.asks else state
        return NO_TARGET if operator else (total + term) % self.modulus

    def count(self, length: int) -> int:
        rest = length - self.asks
        if rest < 1 or rest % 2 == 0:
            return 0
        return self.modulus ** (rest // 2 + 1) * len(self.operators) ** (rest // 2)

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        pairs = (length - self.asks) // 2
        digits = independent(rng, self.classes, pairs + 1, count)
        operators = independent(rng, self.operators, pairs, count)
        strings = []
        for several, between in zip(digits, operators, strict=True):
            symbols = [""] * (2 * pairs + 1)
            symbols[::2], symbols[1::2] = several, between
            strings.append("".join(symbols) + ASK * self.asks)
        return strings


class Reading(NamedTuple):
    """Where the reader of an expression with brackets stands.

    Attributes:
        open: for each open bracket, the value of the left operand and the operator; (0, "") as
            long as there is no operator.
        due: "operand", "digit" (after a minus sign), "" (the value of an operand is there) or
            "bracket" (likewise, but it may not be put into brackets once more).
        value: of the operand.
    """

    open: tuple[tuple[int, str], ...] = ()
    due: str = "operand"
    value: int = 0


class ModularArithmeticBrackets(Language):
    """Value of an expression with brackets, modulo a number; = ends it and has the only target.

    E → d | -d | (d) | (-d) | (E + E) | (E - E), as in Delétang et al. 2023, who leave out products
    too. The sizes of the left operands are drawn evenly.

    Args:
        modulus: 2 to 10; the digits are those below it.
        operators: some of + - *.
    """

    name = "modular_arithmetic_brackets"
    title = "Mod. arith., brackets"
    start = Reading()
    distribution = "sizes of left operands evenly, digits and operators independently"
    period = 1

    def __init__(self, *, modulus: int = 5, operators: str = "+-"):
        _check(modulus, operators)
        self.modulus, self.operators = modulus, tuple(operators)
        self.classes = tuple(map(str, range(modulus)))
        self.alphabet = tuple(dict.fromkeys((*self.classes, *operators, "-", "(", ")", ASK)))

    def step(self, state: Reading | Asked, symbol: str) -> Reading | Asked | None:
        if isinstance(state, Asked):
            return None
        before, due, value = state
        if due in ("operand", "digit"):
            if symbol in self.classes:
                digit = int(symbol) if due == "operand" else -int(symbol)
                return Reading(before, "", digit % self.modulus)
            if due == "digit" or symbol not in "(-":
                return None
            return Reading((*before, (0, "")), due) if symbol == "(" else Reading(before, "digit")
        if not before:
            return Asked(value) if symbol == ASK else None
        *outer, (left, operator) = before
        if symbol in self.operators and not operator:
            return Reading((*outer, (value, symbol)), "operand")
        if symbol != ")" or (not operator and due == "bracket"):
            return None
        return Reading(tuple(outer), "bracket", self._value(left, operator, value))

    def _value(self, left: int, operator: str, right: int) -> int:
        results = {"": right, "+": left + right, "-": left - right, "*": left * right}
        return results[operator] % self.modulus

    def accepts(self, state: Reading | Asked) -> bool:
        return isinstance(state, Asked)

    def target(self, state: Reading | Asked) -> int:
        return state.state if isinstance(state, Asked) else NO_TARGET

    def count(self, length: int) -> int:
        return self._of_length(length - 1) if length > 1 else 0

    def _of_length(self, length: int) -> int:
        """Number of expressions."""
        known = self._known
        for n in range(len(known), length + 1):
            inner = sum(known[left] * known[n - 3 - left] for left in range(1, n - 3))
            known.append(inner * len(self.operators) if n > 4 else self.modulus)
        return known[length]

    @cached_property
    def _known(self) -> list[int]:
        return [0]

    def completions(self, state: Reading | Asked, length: int) -> int:
        if isinstance(state, Asked):
            return int(length == 0)
        return self._ways(tuple(bool(o) for _, o in state.open), state.due, length)

    def _ways(self, open_: tuple[bool, ...], due: str, length: int) -> int:
        """Completions, given which open brackets have an operator, and what is due."""
        if (key := (open_, due, length)) in self._counted:
            return self._counted[key]
        if length < 1 + len(open_):
            ways = 0
        elif due == "digit":
            ways = self.modulus * self._ways(open_, "", length - 1)
        elif due == "operand":
            # An operand that is not a digit, with or without a sign, ends with a bracket.
            ways = sum(
                self._of_length(n) * self._ways(open_, "" if n < 3 else "bracket", length - n)
                for n in range(1, length)
            )
        elif not open_:
            ways = int(length == 1)
        elif open_[-1]:
            ways = self._ways(open_[:-1], "bracket", length - 1)
        else:
            ways = len(self.operators) * self._ways((*open_[:-1], True), "operand", length - 1)
            if due == "":
                ways += self._ways(open_[:-1], "bracket", length - 1)
        self._counted[key] = ways
        return ways

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        return [self._one(rng, length - 1) + ASK for _ in range(count)]

    def _one(self, rng: np.random.Generator, length: int) -> str:
        digits = iter(rng.integers(self.modulus, size=length).tolist())
        signs = iter(rng.integers(len(self.operators), size=length).tolist())
        shares = iter(rng.random(length).tolist())
        symbols: list[str] = []
        waiting: list[str | int] = [length]  # numbers are lengths of expressions
        while waiting:
            part = waiting.pop()
            if isinstance(part, str):
                symbols.append(part)
            elif part < 5:
                form = ("{}", "-{}", "({})", "(-{})")[part - 1]
                symbols.append(form.format(next(digits)))
            else:
                left = 1 + int(next(shares) * (part - 4))
                operator = self.operators[next(signs)]
                waiting += [")", part - 3 - left, operator, left, "("]
        return "".join(symbols)
