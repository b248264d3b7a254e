"""Automata of bits in series in blocks whose mixers keep, set or flip a number each.

A block holds a bit, ±1. The mixer of the next one shows what the bit was before the symbol, and its
feed-forward part takes the sign. The third only computes, in its feed-forward part, which case of
the next bit is met. All memories are 0 at first. So the first block tells the first symbol from
others, and that symbol sets the bit.
"""

from collections.abc import Mapping
from typing import ClassVar, Protocol

import numpy as np

from fwp.constructions.cascade import Bit, series
from fwp.constructions.machine import DEAD, Machine, machine_of
from fwp.constructions.wires import ONE, Name, Stack
from fwp.languages.base import Language

FIRST: Name = ("first", 0)


Weights = dict[str, np.ndarray]


class Writer(Protocol):
    """Weights of a mixer that holds one number s, 0 at first, and writes it, or its sign."""

    first: ClassVar[dict[str, float]]
    """With which factors the wires `one` and `age` make a sum above 0 at the first symbol, below 0
    at others; the age is what `before` makes of the wire that is always true."""
    before: ClassVar[dict[str, float]]
    """With which factors the wires `now` and `past` make a sum of the sign that `now` had before;
    the past is what `before` makes of it."""

    def past(self, stack: Stack, block: int, source: Name, to: Name) -> Weights:
        """What shows a wire as it was before this symbol."""
        ...

    def bit(self, stack: Stack, block: int, cases: Mapping[Name, str], to: Name) -> Weights:
        """s as the case says whose wire is true: keep, clear (-1), set (1) or flip."""
        ...


def in_series(language: Language, writer: Writer) -> tuple[Stack, Weights]:
    """Wires and weights of a model that labels a language.

    Raises:
        NoConstructionError: its automaton is no series of bits.
    """
    machine = machine_of(language)
    bits, codes = series(machine)
    columns = range(len(machine.columns))
    stack = Stack(
        {("symbol", c): [2 * (own == c) - 1 for own in machine.column_of] for c in columns}
    )
    jobs = []
    age: Name = ("age", 0)
    block = stack.block()
    stack.add(age)
    jobs.append((writer.past, block, ONE, age))
    stack.sign(FIRST, {ONE: writer.first["one"], age: writer.first["age"]})
    for number, bit in enumerate(bits):
        if number:
            newest, past = ("now", number - 1), ("past", number - 1)
            block = stack.block()
            stack.add(past)
            jobs.append((writer.past, block, newest, past))
            before = {past: writer.before["past"], newest: writer.before["now"]}
            stack.sign(("old", number - 1), before)
        stack.block()
        cases = _cases(stack, machine, number, bit, codes)
        block = stack.block()
        stack.add(("memory", number))
        jobs.append((writer.bit, block, cases, ("memory", number)))
        stack.sign(("now", number), {("memory", number): 1})
    stack.block()
    classes = len(language.classes)
    for code, state in codes.items():
        stack.meet(("state", state), {("now", i): value for i, value in enumerate(code)})
    readout = np.zeros((classes, stack.hidden))
    for state, target in enumerate(machine.targets):
        if target >= 0:
            readout[target] += stack.form({("state", state): 0.5, ONE: 0.5})
    weights = stack.weights() | {"readout.weight": readout}
    for job, block, given, to in jobs:
        weights |= job(stack, block, given, to)
    return stack, weights


def _cases(
    stack: Stack,
    machine: Machine,
    number: int,
    bit: Bit,
    codes: Mapping[tuple[bool, ...], int],
) -> dict[Name, str]:
    """Wires that say which case of a bit is met, each with what the bit does then."""
    cases: dict[Name, str] = {}
    after = {state: code[number] for code, state in codes.items()}
    for c, column in enumerate(machine.columns):
        if column[0] != DEAD:
            name = ("case", len(stack.wires))
            stack.meet(name, {FIRST: True, ("symbol", c): True})
            cases[name] = "set" if after[column[0]] else "clear"
    for (c, code), move in bit.moves.items():
        name = ("case", len(stack.wires))
        literals = {("old", i): value for i, value in enumerate(code)}
        stack.meet(name, {FIRST: False, ("symbol", c): True, **literals})
        cases[name] = move
    return cases


def chosen(values: Mapping[Name, float]) -> dict[Name, float]:
    """A sum of wires, one of which is true, that is the value of that one."""
    return {name: value / 2 for name, value in values.items()} | {ONE: sum(values.values()) / 2}
