"""Automata of bits in series in blocks whose mixers keep, set or flip a number each.

A block holds a bit, ±1. The next one keeps a share of what the bit was, which shows the value
before the symbol; its feed-forward part takes the sign. The third only computes, in its feed-forward
part, which case of the next bit is met. All memories are 0 at first. So the first block tells the
first symbol from others, and that symbol sets the bit.
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from fwp.constructions.cascade import Bit, series
from fwp.constructions.machine import DEAD, Machine, machine_of
from fwp.constructions.wires import ONE, Name, Stack
from fwp.languages.base import Language

KEPT = 0.25
MARGIN = KEPT * (1 - 2 * KEPT)  # what a kept share is at least
FIRST: Name = ("first", 0)


class Writer(Protocol):
    """Weights of a mixer that holds one number s, and what it writes of it."""

    def leaky(self, stack: Stack, block: int, source: Name, to: Name) -> dict[str, np.ndarray]:
        """s ← ¼ s + ¾ of a wire."""
        ...

    def bit(
        self, stack: Stack, block: int, cases: Mapping[Name, str], to: Name
    ) -> dict[str, np.ndarray]:
        """s as the case says whose wire is true: keep, clear (-1), set (1) or flip."""
        ...


def in_series(language: Language, writer: Writer) -> tuple[Stack, dict[str, np.ndarray]]:
    """Wires and weights of a model that labels a language.

    Raises:
        NoConstruction: its automaton is no series of bits.
    """
    machine = machine_of(language)
    bits, codes = series(machine)
    columns = range(len(machine.columns))
    stack = Stack({("symbol", c): [2 * (own == c) - 1 for own in machine.column_of] for c in columns})
    jobs = []
    age: Name = ("age", 0)
    block = stack.block()
    stack.add(age)
    jobs.append(("leaky", block, ONE, age))
    # The age is ¾ at the first symbol, and at least 15/16 afterwards.
    stack.sign(FIRST, {ONE: 9, age: -32 / 3})
    for number, bit in enumerate(bits):
        if number:
            newest, kept = ("now", number - 1), ("kept", number - 1)
            block = stack.block()
            stack.add(kept)
            jobs.append(("leaky", block, newest, kept))
            past = {kept: 1 / MARGIN, newest: (KEPT - 1) / MARGIN}
            stack.sign(("old", number - 1), past)
        stack.block()
        cases = _cases(stack, machine, number, bit, codes)
        block = stack.block()
        stack.add(("memory", number))
        jobs.append(("bit", block, cases, ("memory", number)))
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
        weights |= getattr(writer, job)(stack, block, given, to)
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
