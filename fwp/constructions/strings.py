"""Long strings that are hard for a construction: random ones, long runs, deep ascents.

They are prefixes of strings of the language. Every prefix has its label, so that is enough.
"""

from collections.abc import Callable, Iterator

import numpy as np

from fwp.languages.base import Language, State

Choose = Callable[[int, list[str]], str]


def hard_strings(language: Language, length: int, count: int, seed: int = 0) -> list[str]:
    """At least three readable strings of up to `length` symbols, and about `count`.

    Half of them are ascents. Then come a string of the language, random runs, and random symbols.
    A string ends early where nothing may follow.
    """
    rng = np.random.default_rng(seed)
    following: dict[State, dict[str, State]] = {}
    choices = [*_ascents(language, length)][: max(1, count // 2)]
    choices += [_runs(rng)]
    choices += [_uniform(rng)] * max(0, count - len(choices) - 1)
    drawn = _drawn(language, rng, length)
    return [*drawn, *(_walk(language, following, length, choose) for choose in choices)]


def _drawn(language: Language, rng: np.random.Generator, length: int) -> list[str]:
    """A string of the language, of the greatest length at hand; none if that takes too long."""
    try:
        lengths = language.lengths(max(1, length - 12), length)
        return language.draw(rng, lengths[-1], 1) if lengths else []
    except ValueError:  # it has an upper length of its own
        return []


def _walk(
    language: Language, following: dict[State, dict[str, State]], length: int, choose: Choose
) -> str:
    """A string whose symbols are chosen among those that may follow, dead ends last."""

    def after(state: State) -> dict[str, State]:
        if state not in following:
            steps = ((symbol, language.step(state, symbol)) for symbol in language.alphabet)
            following[state] = {symbol: to for symbol, to in steps if to is not None}
        return following[state]

    state, symbols = language.start, []
    for position in range(length):
        if not (allowed := after(state)):
            break
        lasting = [symbol for symbol, to in allowed.items() if after(to)]
        symbols.append(choose(position, lasting or list(allowed)))
        state = allowed[symbols[-1]]
    return "".join(symbols)


def _uniform(rng: np.random.Generator) -> Choose:
    return lambda _, allowed: allowed[rng.integers(len(allowed))]


def _runs(rng: np.random.Generator) -> Choose:
    """Each symbol is wished for during a run, of lengths from 1 to a thousand."""
    wish = {"symbol": "", "left": 0}

    def choose(_: int, allowed: list[str]) -> str:
        if wish["left"] == 0 or wish["symbol"] not in allowed:
            wish["symbol"] = allowed[rng.integers(len(allowed))]
            wish["left"] = int(2 ** rng.uniform(0, 10))
        wish["left"] -= 1
        return wish["symbol"]

    return choose


def _ascents(language: Language, length: int) -> Iterator[Choose]:
    """One symbol for the first half, as far as it goes, then another one."""
    for first in language.alphabet:
        for second in language.alphabet:
            if first != second or len(language.alphabet) == 1:

                def choose(position: int, allowed: list[str], pair=(first, second)) -> str:
                    wished = pair[2 * position >= length]
                    return wished if wished in allowed else allowed[position % len(allowed)]

                yield choose
