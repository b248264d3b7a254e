"""Sequential ListOps (Nangia and Bowman 2018, as in Irie et al. 2021): nested lists to evaluate."""

from functools import cached_property
from typing import NamedTuple

import numpy as np

from fwp.languages._checks import MANY, check_flag, check_integer, shown
from fwp.languages._trees import Trees
from fwp.languages.base import NO_TARGET, Language

DIGITS = "0123456789"
END = "]"
OPERATORS = {
    "n": min,
    "x": max,
    "f": lambda values: values[0],
    "l": lambda values: values[-1],
    "m": lambda values: (
        (sorted(values)[(len(values) - 1) // 2] + sorted(values)[len(values) // 2]) // 2
    ),
    "s": lambda values: sum(values) % 10,
}
"""Minimum, maximum, first, last, median (rounded down) and sum modulo 10."""
NESTED = 0.25  # probability that an argument is a list
LONGEST = 4000  # symbols; the tables of longer ones take long


class Reading(NamedTuple):
    """Where the reader of a list stands.

    Attributes:
        lists: those that are open, from the outermost: the operator and the arguments so far.
        deep: whether a list lay as deep as lists may.
        value: of the whole; None as long as it is open.
    """

    lists: tuple[tuple[str, tuple[int, ...]], ...] = ()
    deep: bool = False
    value: int | None = None


class ListOps(Language):
    """The value of nested lists such as n3x15]7], which stands for [MIN 3 [MAX 1 5 ] 7 ].

    Nangia and Bowman 2018; here as Irie, Schlag, Csordás and Schmidhuber 2021 draw them. A list is
    an operator, two or more arguments and ]. An argument is a digit, or a list with probability ¼;
    numbers of arguments and operators are equally likely. The end has the only target.

    Args:
        depth: of the innermost list, counted from 1.
        arguments: most arguments of a list.
        operators: some of n (minimum), x (maximum), f (first), l (last), m (median, rounded down)
            and s (sum modulo 10).
        at_most: the depth may be less.
    """

    name = "listops"
    title = "ListOps, depth {depth}"
    start = Reading()
    distribution = (
        "lists of 2 to the most arguments, all numbers equally likely, a quarter of the arguments "
        "lists, given depth and length; operators and digits uniform"
    )

    def __init__(
        self,
        *,
        depth: int = 10,
        arguments: int = 5,
        operators: str = "nxf",
        at_most: bool = False,
    ):
        check_integer("depth", depth, 1, 20)
        check_integer("arguments", arguments, 2, 10)
        check_flag("at_most", at_most)
        if (
            not isinstance(operators, str)
            or not operators
            or len(set(operators)) < len(operators)
            or set(operators) - set(OPERATORS)
        ):
            raise ValueError(
                f"operators: must be some of {' '.join(OPERATORS)}, each once, got "
                f"{shown(operators)}"
            )
        self.depth, self.arguments = depth, arguments
        self.operators, self.at_most = operators, at_most
        self.alphabet = (*DIGITS, *operators, END)
        self.classes = tuple(DIGITS)

    def step(self, state: Reading, symbol: str) -> Reading | None:
        lists, deep, value = state
        if value is not None or (not lists and symbol not in self.operators):
            return None
        if symbol in self.operators:
            if len(lists) == self.depth or (lists and len(lists[-1][1]) == self.arguments):
                return None
            return Reading((*lists, (symbol, ())), deep or len(lists) + 1 == self.depth)
        if symbol in DIGITS:
            return self._with(lists, deep, int(symbol))
        *outer, (operator, values) = lists
        if len(values) < 2:
            return None
        value = OPERATORS[operator](values)
        if outer:
            return self._with(tuple(outer), deep, value)
        return Reading((), deep, value) if deep or self.at_most else None

    def _with(self, lists: tuple, deep: bool, value: int) -> Reading | None:
        """After one more argument of the innermost list; None if no list can get deep any more."""
        operator, values = lists[-1]
        if len(values) == self.arguments:
            return None
        lists = (*lists[:-1], (operator, (*values, value)))
        # A list around another is one argument short of what it has.
        free = [len(v) + (at < len(lists)) < self.arguments for at, (_, v) in enumerate(lists, 1)]
        return Reading(lists, deep) if deep or self.at_most or any(free) else None

    def accepts(self, state: Reading) -> bool:
        return state.value is not None

    def target(self, state: Reading) -> int:
        return NO_TARGET if state.value is None else state.value

    # Counting

    def check_length(self, length: int) -> None:
        if length > LONGEST:
            raise ValueError(
                f"max_length: {self.name} has strings of at most {LONGEST} symbols, got {length}"
            )

    def completions(self, state: Reading, length: int) -> int:
        if state.value is not None:
            return int(length == 0)
        trees = self._trees("exact", length)
        if not state.lists:
            return trees.lists(self.depth, deep=not self.at_most)[length]
        last = len(state.lists)
        open_ = [len(v) + (at < last) for at, (_, v) in enumerate(state.lists, 1)]
        ways = trees.endings(open_, self.depth, length)
        if self.at_most or state.deep:
            return ways
        return ways - trees.endings(open_, self.depth - 1, length)

    def count_capped(self, length: int) -> int:
        if length > LONGEST:  # where check_length says so
            return MANY
        return int(self._trees("capped", length).lists(self.depth, deep=not self.at_most)[length])

    def _trees(self, use: str, length: int) -> Trees:
        """Numbers of lists, those up to MANY, or probabilities; of `length` symbols and less."""
        trees = self._known.get(use)
        if trees is None or trees.length < length:
            size = max(64, -(-length // 256) * 256 if length > 64 else 64)
            weight = NESTED / (self.arguments - 1) if use == "drawn" else len(self.operators)
            trees = self._known[use] = Trees(
                self.depth,
                size,
                [0, 0, *[weight] * (self.arguments - 1)],
                1 - NESTED if use == "drawn" else len(DIGITS),
                dtype=object if use == "exact" else float,
                most=MANY if use == "capped" else None,
            )
        return trees

    @cached_property
    def _known(self) -> dict[str, Trees]:
        return {}

    # Sampling

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        trees = self._trees("drawn", length)
        strings = []
        for _ in range(count):
            chances = iter(rng.random(3 * length).tolist())
            drawn = trees.draw(length, self.depth, chances, deep=not self.at_most)
            digits = iter(rng.integers(10, size=length).tolist())
            operators = iter(rng.integers(len(self.operators), size=length).tolist())
            strings.append(
                "".join(
                    END
                    if number < 0
                    else self.operators[next(operators)]
                    if number
                    else DIGITS[next(digits)]
                    for number in drawn
                )
            )
        return strings
