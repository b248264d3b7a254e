"""Traces of a session (after Siems et al. 2026): swaps of variables, and prints."""

from typing import NamedTuple

import numpy as np

from fwp.languages._checks import check_integer, shown
from fwp.languages.base import NO_TARGET, Language

PRINT = "p"
VARIABLES = "abcdefghij"


class Session(NamedTuple):
    """The values of the variables, what was read of a statement, whether the last one printed."""

    values: tuple[int, ...]
    read: str = ""
    printed: bool = False


class ReplTrace(Language):
    """Swaps of two variables, and prints, each with the value that it shows.

    After Siems et al. 2026, where a permutation is code, and prints in between reveal the state to
    a model of the next symbol. ab stands for a, b = b, a and pa for print(a), which is followed by
    the value. At first a is 0, b is 1, and so on. The target at the variable of a print is its
    value, which is the next symbol; other positions have none. A string ends with a print.

    Args:
        variables: how many, n: swaps generate S with n points.
        reveal: probability of a print.
    """

    name = "repl_trace"
    title = "Trace of {variables} variables"
    period = 2

    def __init__(self, *, variables: int = 5, reveal: float = 0.25):
        check_integer("variables", variables, 2, len(VARIABLES))
        if type(reveal) not in (int, float) or not 0 <= reveal <= 1:
            raise ValueError(f"reveal: must be a probability, got {shown(reveal)}")
        self.variables, self.reveal = VARIABLES[:variables], reveal
        self.classes = tuple(map(str, range(variables)))
        self.alphabet = (*self.variables, PRINT, *self.classes)
        self.start = Session(tuple(range(variables)))
        self.distribution = (
            f"prints with probability {reveal}, given the length, else swaps; variables uniform; "
            "a print last"
        )
        self._ways = [1]

    def step(self, state: Session, symbol: str) -> Session | None:
        values, read, _ = state
        if read == PRINT:
            return Session(values, read + symbol) if symbol in self.variables else None
        if read.startswith(PRINT):
            return Session(values, printed=True) if symbol == self._shown(state) else None
        if not read:
            return Session(values, symbol) if symbol not in self.classes else None
        if symbol not in self.variables or symbol == read:
            return None
        i, j = self.variables.index(read), self.variables.index(symbol)
        swapped = list(values)
        swapped[i], swapped[j] = values[j], values[i]
        return Session(tuple(swapped))

    def _shown(self, state: Session) -> str:
        """What is to follow a print and its variable."""
        return self.classes[state.values[self.variables.index(state.read[1])]]

    def accepts(self, state: Session) -> bool:
        return state.printed

    def target(self, state: Session) -> int:
        return int(self._shown(state)) if len(state.read) == 2 else NO_TARGET

    def completions(self, state: Session, length: int) -> int:
        number, read = len(self.variables), state.read
        if read == PRINT:
            return number * self._last(length - 2, printed=True)
        if read:
            printing = len(read) == 2
            return (1 if printing else number - 1) * self._last(length - 1, printed=printing)
        return self._last(length, printed=state.printed)

    def _last(self, length: int, *, printed: bool) -> int:
        """Ways to go on with statements, the last of them a print; `printed` if one was before."""
        if length <= 0:
            return int(length == 0 and printed)
        return len(self.variables) * self._statements(length - 3) if length >= 3 else 0

    def _statements(self, length: int) -> int:
        """Ways to fill a length with statements."""
        number, ways = len(self.variables), self._ways
        while len(ways) <= length:
            swaps = number * (number - 1) * ways[-2] if len(ways) > 1 else 0
            ways.append(swaps + (number * ways[-3] if len(ways) > 2 else 0))
        return ways[length]

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        return [self._one(rng, length) for _ in range(count)]

    def _one(self, rng: np.random.Generator, length: int) -> str:
        numbers = rng.random(length).tolist()
        number = len(self.variables)
        first = rng.integers(number, size=length).tolist()
        further = rng.integers(1, number, size=length).tolist()
        values, symbols, left = list(range(number)), [], length
        while left:
            i, other = first[left - 1], further[left - 1]
            # 1, 2 and 4 symbols cannot be left: the last three are a print.
            prints = left in (3, 6) or (left not in (5, 7) and numbers[left - 1] < self.reveal)
            if prints:
                symbols.append(f"{PRINT}{self.variables[i]}{values[i]}")
            else:
                j = (i + other) % number
                values[i], values[j] = values[j], values[i]
                symbols.append(self.variables[i] + self.variables[j])
            left -= 3 if prints else 2
        return "".join(symbols)
