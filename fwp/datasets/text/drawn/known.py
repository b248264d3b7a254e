"""Well-known sources by name: each is an automaton of a few numbers."""

from collections.abc import Callable, Iterator, Mapping
from inspect import signature

from fwp.datasets.text.drawn.rules import integer, keys, probability

Rows = dict[str, list[list]]


def golden_mean(*, p: float = 0.5) -> Rows:
    """No two 0s in a row: after a 1, the next symbol is a 1 with probability p."""
    return {"free": [[p, "1", "free"], [1 - p, "0", "bound"]], "bound": [[1.0, "1", "free"]]}


def even(*, p: float = 0.5) -> Rows:
    """Runs of 1s of even length; a 0 has probability p where one may come.

    However far back a run begins, its length decides what may follow.
    """
    return {"even": [[p, "0", "even"], [1 - p, "1", "odd"]], "odd": [[1.0, "1", "even"]]}


def clock(*, period: int = 8, p: float = 0.2) -> Rows:
    """Bits that are 1 with probability p, but certainly at the first of every `period` places."""
    rows: Rows = {}
    for place in range(period):
        to = str((place + 1) % period)
        rows[str(place)] = [[p, "1", to], [1 - p, "0", to]] if place else [[1.0, "1", to]]
    return rows


def counter(*, period: int = 2, first: float = 0.9, p: float = 0.3) -> Rows:
    """Bits that depend on the number of 1s so far, modulo the period.

    A 1 has probability `first` where the number is 0, else p. Nothing is ever forgotten: a reader
    who has miscounted once is wrong from then on.
    """
    rows: Rows = {}
    for count in range(period):
        one = p if count else first
        rows[str(count)] = [[one, "1", str((count + 1) % period)], [1 - one, "0", str(count)]]
    return rows


KNOWN: dict[str, Callable[..., Rows]] = {
    "golden_mean": golden_mean,
    "even": even,
    "clock": clock,
    "counter": counter,
}


def automaton_of(generator: Mapping) -> dict:
    """The config of the automaton that a name stands for."""
    options = {k: v for k, v in generator.items() if k not in ("kind", "symbols") and v is not None}
    return {"kind": "automaton", "states": KNOWN[generator["kind"]](**options)}


def faults(generator: Mapping) -> Iterator[str]:
    """A line for each mistake in the config of a source that has a name."""
    options = list(signature(KNOWN[generator["kind"]]).parameters)
    yield from keys(generator, (), options)
    yield from integer(generator, "period", 1, 1000) if "period" in options else ()
    for key in options:
        if key != "period":
            yield from probability(generator, key)
