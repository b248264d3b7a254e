"""Code execution (Irie et al. 2021): programs of a few variables that print what these hold."""

from bisect import bisect
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from fwp.languages._checks import MANY, check_flag, check_integer
from fwp.languages.base import NO_TARGET, Language

VARIABLES = "xyzab"
DIGITS = "0123456789"
KINDS = {"=": (4, 3), "±": (3, 3), "p": (3, 3), "i=": (9, 1), "i±": (8, 1), "ip": (8, 1)}
"""Kind of statement: its symbols, and how often it is drawn, in twelfths."""

WAYS: dict[tuple, dict[tuple, int]] = {}  # numbers of programs, by parameters of the language
COUNTED = 60  # symbols; there are more than MANY programs of so many


class Running(NamedTuple):
    """Where the reader of a program stands.

    Attributes:
        values: of the variables; None for one that has none yet.
        holds: whether the condition of the present statement holds; None if it has none.
        read: what was read of the present statement, without its condition.
        shown: what the statement that ends here prints; None if it prints nothing.
        complete: whether a program may end here.
    """

    values: tuple[int | None, ...]
    holds: bool | None = None
    read: str = ""
    shown: int | None = None
    complete: bool = False


class CodeExecution(Language):
    """Assignments, increments, prints and conditionals; the target is what a print shows.

    Irie, Schlag, Csordás and Schmidhuber 2021, after Fan et al. 2020. A statement is x=5; or x+; or
    x-; or px; (print x), or one of these after a condition, such as ix<5: (if x is less than 5).
    The target is the value of the variable, at the semicolon of a print that is executed; no other
    position has one. A program begins with an assignment and ends with a print without condition.
    A variable is read only once it has a value. Its value never leaves the range.

    Args:
        variables: how many there are to choose from, 1 to 5.
        lowest: least value of a variable, at most 0.
        highest: greatest value of a variable, at least 9.
        skip_reassignment: as in the authors' code, an assignment after a condition does nothing if
            the variable has a value already.
    """

    name = "code_execution"
    title = "Code execution, {variables} variables"
    distribution = (
        "statements drawn one after another: assignment, increment or decrement, print and "
        "conditional equally often, given the length; variables and numbers uniform"
    )

    def __init__(
        self,
        *,
        variables: int = 3,
        lowest: int = -8,
        highest: int = 16,
        skip_reassignment: bool = False,
    ):
        check_integer("variables", variables, 1, len(VARIABLES))
        check_integer("lowest", lowest, -99, 0)
        check_integer("highest", highest, 9, 99)
        check_flag("skip_reassignment", skip_reassignment)
        self.variables, self.lowest, self.highest = VARIABLES[:variables], lowest, highest
        self.skip_reassignment = skip_reassignment
        self.alphabet = (*self.variables, *DIGITS, *"=+-<>:;pi")
        self.classes = tuple(map(str, range(lowest, highest + 1)))
        self.start = Running((None,) * variables)

    def step(self, state: Running, symbol: str) -> Running | None:
        values, holds, read, *_ = state
        if symbol == ";":
            return self._executed(values, holds, read) if self._whole(read) else None
        if symbol == ":":
            return Running(values, self._true(values, read)) if len(read) == 4 else None
        if not self._may_follow(values, holds, read, symbol):
            return None
        return Running(values, holds, read + symbol)

    def _may_follow(self, values: tuple, holds: bool | None, read: str, symbol: str) -> bool:
        if not read:
            known = any(value is not None for value in values)
            return symbol in self.variables or (
                known and (symbol == "p" or (symbol == "i" and holds is None))
            )
        if len(read) == 1 and read in "pi":
            return symbol in self.variables and self._value(values, symbol) is not None
        if read[0] == "p":
            return False
        if read[0] == "i":
            return symbol in ("<>" if len(read) == 2 else DIGITS) and len(read) < 4
        if len(read) == 1:
            return symbol == "=" or symbol in self._changes(self._value(values, read))
        return symbol in DIGITS and read[1:] == "="

    def _value(self, values: tuple, variable: str) -> int | None:
        return values[self.variables.index(variable)]

    def _changes(self, value: int | None) -> str:
        """Which of + and - a variable of this value allows."""
        if value is None:
            return ""
        return "+" * (value < self.highest) + "-" * (value > self.lowest)

    def _whole(self, read: str) -> bool:
        """Whether `read` is a whole statement without its semicolon."""
        return len(read) > 1 and read[0] != "i" and len(read) == 2 + (read[1] == "=")

    def _true(self, values: tuple, condition: str) -> bool:
        value, number = self._value(values, condition[1]), int(condition[3])
        assert value is not None
        return value < number if condition[2] == "<" else value > number

    def _executed(self, values: tuple, holds: bool | None, statement: str) -> Running:
        if statement[0] == "p":
            value = self._value(values, statement[1]) if holds is not False else None
            return Running(values, shown=value, complete=holds is None)
        if holds is not False:
            place = self.variables.index(statement[0])
            value = values[place]
            if statement[1] != "=":
                value += 1 if statement[1] == "+" else -1
            elif value is None or not (holds and self.skip_reassignment):
                value = int(statement[2])
            values = (*values[:place], value, *values[place + 1 :])
        return Running(values)

    def accepts(self, state: Running) -> bool:
        return state.complete

    def target(self, state: Running) -> int:
        return NO_TARGET if state.shown is None else state.shown - self.lowest

    # Counting

    def completions(self, state: Running, length: int) -> int:
        if length > COUNTED:
            raise ValueError(
                f"programs of {length} symbols are too many to count, at most {COUNTED} can be"
            )
        if length <= 0:
            return int(length == 0 and self.accepts(state))
        if not state.read and state.holds is None:
            held = sorted(value for value in state.values if value is not None)
            return self._programs(tuple(held), length)
        state = state._replace(shown=None, complete=False)
        if (state, length) not in self._counted:
            following = (self.step(state, symbol) for symbol in self.alphabet)
            self._counted[state, length] = sum(
                self.completions(after, length - 1) for after in following if after is not None
            )
        return self._counted[state, length]

    def _programs(self, held: tuple[int, ...], length: int) -> int:
        """Ways to go on for `length` symbols with a whole statement, variables holding `held`.

        Variables are alike, so it does not matter which of them holds what.
        """
        if length < 3:
            return 0
        if (held, length) not in self._ways:
            ways = len(held) * (self._programs(held, length - 3) + (length == 3))
            ways += self._assigned(held, length - 4, new=True, old=True)
            ways += self._changed(held, length - 3)
            if length > 10 and held:  # a condition, a statement and a print
                true = sum(max(0, 9 - max(v, -1)) + max(0, min(v, 10)) for v in held)
                ways += true * self._after_true(held, length - 5)
                ways += (20 * len(held) - true) * self._after_false(held, length - 5)
            self._ways[held, length] = ways
        return self._ways[held, length]

    def _after_true(self, held: tuple[int, ...], length: int) -> int:
        ways = len(held) * self._programs(held, length - 3) + self._changed(held, length - 3)
        ways += self._assigned(held, length - 4, new=True, old=not self.skip_reassignment)
        if self.skip_reassignment:
            ways += 10 * len(held) * self._programs(held, length - 4)
        return ways

    def _after_false(self, held: tuple[int, ...], length: int) -> int:
        changes = sum(len(self._changes(value)) for value in held)
        ways = (len(held) + changes) * self._programs(held, length - 3)
        return ways + 10 * len(self.variables) * self._programs(held, length - 4)

    def _assigned(self, held: tuple[int, ...], left: int, *, new: bool, old: bool) -> int:
        """Ways to go on after an assignment to a new variable, or to an old one."""
        if left < 3:
            return 0
        if new and old:
            return self._assigned(held, left, new=True, old=False) + self._assigned(
                held, left, new=False, old=True
            )
        key = ("new" if new else "old", held, left)
        if key not in self._ways:
            free = len(self.variables) - len(held)
            ways = 0
            for number in range(10):
                if new:
                    ways += free and free * self._programs(tuple(sorted((*held, number))), left)
                    continue
                for value in set(held):
                    held_after = _replaced(held, value, number)
                    ways += held.count(value) * self._programs(held_after, left)
            self._ways[key] = ways
        return self._ways[key]

    def _changed(self, held: tuple[int, ...], left: int) -> int:
        if left < 3:
            return 0
        return sum(
            held.count(value) * self._programs(_replaced(held, value, value + by), left)
            for value in set(held)
            for by in (1, -1)
            if self.lowest <= value + by <= self.highest
        )

    @property
    def _ways(self) -> dict[tuple, int]:
        key = len(self.variables), self.lowest, self.highest, self.skip_reassignment
        return WAYS.setdefault(key, {})

    def count_capped(self, length: int) -> int:
        if length > COUNTED or self._fewest(length) >= MANY:
            return MANY
        return min(MANY, self.count(length))

    def _fewest(self, length: int) -> int:
        """At most the number of programs of `length` symbols, fast.

        A variable with a value can always be increased or decreased, and what follows a condition
        gives no variable a value, or the programs would be more.
        """
        numbers = 10 * len(self.variables)
        ways: list[list[int]] = []  # ways[n][j]: with n symbols, while j variables have a value
        for n in range(length + 1):
            past = lambda size, j, n=n: ways[n - size][j] if n >= size else 0  # noqa: E731
            ways.append([0] * (len(self.variables) + 1))
            for j in range(len(self.variables) + 1):
                new = numbers - 10 * j
                ways[n][j] = (
                    (new * past(4, j + 1) if new else 0)
                    + 10 * j * past(4, j)
                    + 2 * j * past(3, j)
                    + 20 * j * (numbers * past(9, j) + 2 * j * past(8, j))
                    + j * (n == 3)
                )
        return ways[length][0]

    # Sampling

    @cached_property
    def _shares(self) -> list[float]:
        """Probability that whole statements, drawn one after another, end at a length."""
        return [1.0]

    def _thresholds(self, left: int) -> list[float]:
        """Limits of the kinds of statement on [0, share], with `left` symbols to fill."""
        for length in range(len(self._shares), left + 1):
            back = ((length - size, often) for size, often in KINDS.values())
            self._shares.append(sum(self._shares[n] * k / 12 for n, k in back if n >= 0))
        back = ((left - size, often) for size, often in KINDS.values())
        return [*accumulate(self._shares[n] * k / 12 if n >= 0 else 0.0 for n, k in back)]

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        middle = length - 7
        limits = [self._thresholds(left) for left in range(middle + 1)]
        kinds, strings = list(KINDS), []
        for _ in range(count):
            chances = iter(rng.random(2 * length).tolist())
            below = lambda bound, chances=chances: int(next(chances) * bound)  # noqa: E731
            values, statement = self._draw_statement(self.start.values, "=", below)
            statements, left = [statement], middle
            while left:
                limit = limits[left]
                kind = kinds[bisect(limit, next(chances) * limit[-1], hi=len(kinds) - 1)]
                values, statement = self._draw_statement(values, kind, below)
                statements.append(statement)
                left -= len(statement)
            statements.append(self._draw_statement(values, "p", below)[1])
            strings.append("".join(statements))
        return strings

    def _draw_statement(self, values: tuple, kind: str, below) -> tuple[tuple, str]:
        """Values after a statement of this kind, and the statement."""
        known = [v for v, value in zip(self.variables, values, strict=True) if value is not None]
        condition, holds = "", None
        if kind[0] == "i":
            condition = f"i{known[below(len(known))]}{'<>'[below(2)]}{below(10)}"
            holds = self._true(values, condition)
            condition += ":"
        if kind[-1] == "=":
            statement = f"{self.variables[below(len(values))]}={below(10)}"
        elif kind[-1] == "p":
            statement = f"p{known[below(len(known))]}"
        else:
            variable, change = known[below(len(known))], "+-"[below(2)]
            allowed = self._changes(self._value(values, variable))
            statement = variable + (change if change in allowed else allowed)
        return self._executed(values, holds, statement).values, f"{condition}{statement};"


def _replaced(held: tuple[int, ...], value: int, by: int) -> tuple[int, ...]:
    """`held` with one `value` replaced, ascending."""
    place = held.index(value)
    return tuple(sorted((*held[:place], by, *held[place + 1 :])))
