"""Texts that are drawn from a source of known entropy.

Every text has with it what each symbol costs who knows the source, so that the excess of a model is
known exactly, symbol by symbol.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import numpy as np

from fwp.datasets.text.corpus import CorpusError, check_shares
from fwp.datasets.text.drawn import automaton, brackets, grammar, known
from fwp.datasets.text.drawn.rules import PLACE, shown
from fwp.utils.suggest import suggestion

PARTS = ("train", "validation", "test")
LEAST, MOST = 100, 20_000_000  # symbols of the three parts together


class Source(Protocol):
    """Where symbols come from, one after another, always from the same start."""

    alphabet: tuple[str, ...]

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """A text of `count` symbols: uint8 [count]."""
        ...

    def ideal(self, tokens: np.ndarray) -> np.ndarray:
        """Nats of each symbol given all before it: float32 [N]."""
        ...

    def entropy(self) -> float | None:
        """Nats per symbol in the long run; None where no closed form is known."""
        ...


SOURCES: dict[str, tuple[Callable[[Mapping], Source], Callable[[Mapping], Iterator[str]]]] = {
    "automaton": (automaton.Automaton, automaton.faults),
    "brackets": (brackets.Brackets, brackets.faults),
    "grammar": (grammar.Grammar, grammar.faults),
    **{
        name: (lambda g: automaton.Automaton(known.automaton_of(g)), known.faults)
        for name in known.KNOWN
    },
}
"""By kind: the source of a config, and the mistakes in a config."""


def source(generator: Mapping) -> Source:
    """The source that a config describes; `check_generator` finds no mistake in it."""
    return SOURCES[generator["kind"]][0](generator)


def alphabet(generator: Mapping) -> tuple[str, ...]:
    """The symbols; the index of a symbol is its token."""
    return source(generator).alphabet


def entropy(generator: Mapping) -> float | None:
    """Nats per symbol of an endless text; None where no closed form is known."""
    return source(generator).entropy()


def draw(params: Mapping, seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Draw the parts of a text, each independently from the start of the source.

    Args:
        params: settings of the text; generator, validation and test are read.
        seed: decides what is drawn.

    Returns:
        For train, validation and test, symbols as tokens, uint8 [N], and the nats of each for who
        knows the source and all symbols before it in this part, float32 [N].
    """
    drawn, found = {}, source(params["generator"])
    for number, (part, count) in enumerate(sizes(params).items()):
        tokens = found.draw(np.random.default_rng([seed, number]), count)
        drawn[part] = tokens, found.ideal(tokens)
    return drawn


def sizes(params: Mapping) -> dict[str, int]:
    """Symbols of each part, by its share."""
    symbols = params["generator"]["symbols"]
    held = {part: round(symbols * params[part]) for part in PARTS[1:]}
    return {"train": symbols - sum(held.values()), **held}


def check_generator(params: Mapping) -> Iterator[str]:
    """A line for each mistake in the settings of a text that is drawn: "text.generator: …"."""
    generator = params["generator"]
    kind = generator.get("kind")
    if kind not in SOURCES:
        got = "got none" if kind is None else f"got {shown(kind)}{suggestion(kind, SOURCES)}"
        yield f"{PLACE}.kind: must be one of {', '.join(SOURCES)}, {got}"
        return
    yield from SOURCES[kind][1](generator)
    for key, usual in (("tokens", "bytes"), ("vocabulary", None)):
        if params.get(key, usual) != usual:
            yield f"text.{key}: is not for a generator, whose symbols are the tokens; leave it out"
    symbols = generator.get("symbols")
    if symbols is None:
        return  # which is said already
    if type(symbols) is not int or not LEAST <= symbols <= MOST:
        yield f"{PLACE}.symbols: must be an integer from {LEAST} to {MOST}, got {shown(symbols)}"
        return
    try:
        check_shares(params["validation"], params["test"])
    except CorpusError as error:
        yield str(error)
        return
    for part, count in sizes(params).items():
        least = 2 if part == "test" else params["context"] + 1
        if count < least:
            yield (
                f"{PLACE}.symbols: the {part} text must have at least {least} symbols, with "
                f"context: {params['context']}, and would have {count}"
            )
