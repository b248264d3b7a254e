"""Brackets of several kinds."""

import numpy as np

BRACKETS = ("()", "[]", "{}", "<>", "«»", "‹›")


def of_kinds(rng: np.random.Generator, word: str, brackets: tuple[str, ...]) -> str:
    """A word of Dyck-1 with each pair of a random kind of `brackets`; none cross."""
    kinds = iter(rng.integers(len(brackets), size=len(word) // 2).tolist())
    symbols, waiting = [], []
    for symbol in word:
        if symbol == "(":
            opening, closing = brackets[next(kinds)]
            symbols.append(opening)
            waiting.append(closing)
        else:
            symbols.append(waiting.pop())
    return "".join(symbols)
