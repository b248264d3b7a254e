"""Long strings that are hard for a construction: random ones, long runs, deep ascents.

They are prefixes of strings of the language. Every prefix has its label, so that is enough.
"""

from collections.abc import Callable, Iterator

import numpy as np

from fwp.languages.base import Language

Choose = Callable[[int, list[str]], str]


def hard_strings(language: Language, length: int, count: int, seed: int = 0) -> list[str]:
    """About `count` readable strings of up to `length` symbols, half of them random.

    A string ends early where nothing may follow.
    """
    rng = np.random.default_rng(seed)
    choices = [*_ascents(language, length)][: max(1, count // 2)]
    choices += [_runs(rng)]
    choices += [_uniform(rng)] * max(1, count - len(choices))
    return [walk(language, length, choose) for choose in choices]


def walk(language: Language, length: int, choose: Choose) -> str:
    """A string whose symbols are chosen among those that may follow."""
    state, symbols = language.start, []
    for position in range(length):
        after = {s: language.step(state, s) for s in language.alphabet}
        allowed = [symbol for symbol, to in after.items() if to is not None]
        if not allowed:
            break
        symbols.append(choose(position, allowed))
        state = after[symbols[-1]]
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
