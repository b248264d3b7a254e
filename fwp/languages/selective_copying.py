"""Copying of MAD (Poli et al. 2024): symbols among blanks, and all symbols of a string."""

from math import comb
from typing import NamedTuple

import numpy as np

from fwp.languages._checks import check_integer
from fwp.languages.base import NO_TARGET, Language
from fwp.languages.mqar import KEYS
from fwp.languages.transduction import BLANK, Transduction

COPY = "|"


class Copied(NamedTuple):
    """The symbols to copy, and how many of them are due already; None before the copying."""

    symbols: str = ""
    due: int | None = None


class SelectiveCopying(Language):
    """Symbols among blanks, the symbol |, then a blank for each symbol, which is the target.

    Poli et al. 2024. There are always as many symbols to copy; longer strings have more blanks.
    Positions before the copying have no target. State: what is to be copied.

    Args:
        symbols: how many there are to choose from.
        copied: how many a string has, so that strings have at least 2·copied + 1 symbols.
    """

    name = "selective_copying"
    title = "Selective copying"
    start = Copied()
    period = 1
    distribution = (
        "independent symbols, equally likely; blanks before each of them, at places that are drawn "
        "independently"
    )

    def __init__(self, *, symbols: int = 14, copied: int = 16):
        check_integer("symbols", symbols, 1, len(KEYS))
        check_integer("copied", copied, 1, 1000)
        self.copied, self.classes = copied, tuple(KEYS[:symbols])
        self.alphabet = (*self.classes, BLANK, COPY)

    def step(self, state: Copied, symbol: str) -> Copied | None:
        symbols, due = state
        if due is not None:
            more = symbol == BLANK and due < self.copied
            return Copied(symbols, due + 1) if more else None
        if symbol == BLANK:
            return state
        if symbol == COPY:
            return Copied(symbols, 0) if len(symbols) == self.copied else None
        return Copied(symbols + symbol) if len(symbols) < self.copied else None

    def accepts(self, state: Copied) -> bool:
        return state.due == self.copied

    def target(self, state: Copied) -> int:
        return self.classes.index(state.symbols[state.due - 1]) if state.due else NO_TARGET

    def completions(self, state: Copied, length: int) -> int:
        symbols, due = state
        if due is not None:
            return int(length == self.copied - due)
        missing = self.copied - len(symbols)
        blanks = length - missing - 1 - self.copied
        if blanks < 0:
            return 0
        return comb(blanks + missing, missing) * len(self.classes) ** missing

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        blanks = length - 2 * self.copied - 1
        strings = []
        for _ in range(count):
            drawn = rng.integers(len(self.classes), size=self.copied).tolist()
            before = np.bincount(
                rng.integers(self.copied, size=blanks), minlength=self.copied
            ).tolist()
            pieces = [BLANK * n + self.classes[i] for n, i in zip(before, drawn, strict=True)]
            strings.append("".join([*pieces, COPY, BLANK * self.copied]))
        return strings


class Compression(Transduction):
    """The input again: how much does a state hold that is read after the last symbol?

    Poli et al. 2024. There, an autoencoder reads the output at the last symbol, and a network
    without memory writes each symbol by its place. Here, the model itself writes the symbols after
    the input, one at each blank. So this measures the state of models that have one of fixed size;
    a model that attends to the input need not compress it.

    Args:
        symbols: how many there are to choose from.
    """

    name = "compression"
    title = "Compression"

    def __init__(self, *, symbols: int = 15):
        check_integer("symbols", symbols, 2, len(KEYS))
        self.inputs = tuple(KEYS[:symbols])
        super().__init__()

    def answer(self, string: str) -> str:
        return string
