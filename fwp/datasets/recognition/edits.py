"""Strings outside a language, as FLaRe draws them (Butoi et al., ICLR 2025).

A proposal is, with equal chances, a string of independent uniform symbols, of a length that is
uniform in the window; or a string of the language with random edits. Their number is geometric with
p = 1/2: one, or with half the chance two, and so on. An edit is an insertion, a replacement or a
deletion, each equally likely where the length stays in the window. Proposals that are in the
language are drawn again from the beginning.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from fwp.datasets.pools import Pool
from fwp.languages import Language
from fwp.utils.bins import Bin

EDITED = 0.5  # share of the proposals that are strings of the language with edits
STOP = 0.5  # chance that an edit is the last one
TRIES = 200  # proposals for each string that is wanted, before there are taken to be no more
AT_ONCE = 4_096  # proposals, at most


def draw_outside(
    language: Language,
    window: Bin,
    number: int,
    pool: Callable[[int], Pool],
    rng: np.random.Generator,
) -> list[str]:
    """Up to `number` different strings outside a language, fewer where there are hardly more.

    Args:
        language: what they are outside of; it has strings in the window.
        window: shortest and longest length.
        number: how many.
        pool: the strings of a length that the set may hold.
        rng: decides which.
    """
    lengths = language.lengths(*window)
    found: dict[str, None] = {}
    left = max(AT_ONCE, TRIES * number)
    while left > 0:
        some = min(AT_ONCE, max(64, 4 * (number - len(found))))
        left -= some
        for string in propose(language, lengths, window, some, rng):
            if string in found or string not in pool(len(string)):
                continue
            if not language.contains(string):
                found[string] = None
                if len(found) == number:
                    return list(found)
    return list(found)


def propose(
    language: Language, lengths: Sequence[int], window: Bin, number: int, rng: np.random.Generator
) -> Iterator[str]:
    """Proposals, some of which may be in the language.

    Args:
        language: whose strings are edited.
        lengths: of its strings that are edited.
        window: shortest and longest proposal.
        number: of proposals.
        rng: decides which.
    """
    edited = rng.random(number) < EDITED
    sources = iter(_strings(language, lengths, int(edited.sum()), rng))
    symbols = np.array(language.alphabet)
    for edit in edited.tolist():
        if edit:
            yield with_edits(next(sources), int(rng.geometric(STOP)), language, window, rng)
        else:
            length = rng.integers(window.shortest, window.longest + 1)
            yield "".join(symbols[rng.integers(len(symbols), size=length)])


def with_edits(
    string: str, number: int, language: Language, window: Bin, rng: np.random.Generator
) -> str:
    """A string after so many random edits; fewer if none is possible."""
    symbols, alphabet = list(string), language.alphabet
    for _ in range(number):
        kinds = [
            *["insert"] * (len(symbols) < window.longest),
            *["replace"] * (len(alphabet) > 1),
            *["delete"] * (len(symbols) > window.shortest),
        ]
        if not kinds:
            break
        kind = kinds[rng.integers(len(kinds))]
        at = int(rng.integers(len(symbols) + (kind == "insert")))
        if kind == "insert":
            symbols.insert(at, alphabet[rng.integers(len(alphabet))])
        elif kind == "delete":
            del symbols[at]
        else:
            others = [symbol for symbol in alphabet if symbol != symbols[at]]
            symbols[at] = others[rng.integers(len(others))]
    return "".join(symbols)


def _strings(
    language: Language, lengths: Sequence[int], number: int, rng: np.random.Generator
) -> list[str]:
    """Strings of a language, of lengths that are drawn uniformly, in the order of the drawing."""
    drawn = rng.choice(np.array(lengths), size=number)
    kept: dict[int, Iterator[str]] = {
        length: iter(language.draw(rng, length, int((drawn == length).sum())))
        for length in np.unique(drawn).tolist()
    }
    return [next(kept[length]) for length in drawn.tolist()]
