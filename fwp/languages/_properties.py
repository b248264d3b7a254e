"""Properties that every language must have, checked on its short strings.

`tests/languages/` checks the languages of this folder more closely, against recognisers.
"""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np

from fwp.languages.base import Language

STRINGS = 1000  # over the alphabet, of a length; longer ones are not listed
LONGEST = 8
FAR = 12  # symbols; longer strings are not drawn


def check_language(language: Language) -> dict[str, str | None]:
    """What each property says of a language: a fault in one line, or None where it holds."""
    found: dict[str, str | None] = {}
    for title, check in PROPERTIES.items():
        try:
            found[title] = next(check(language), None)
        except Exception as error:
            found[title] = f"{type(error).__name__}: {error}"
    return found


def _short(language: Language) -> Iterator[str]:
    """All strings over the alphabet, up to the length at which they get too many."""
    for length in range(1, LONGEST + 1):
        if len(language.alphabet) ** length > STRINGS and length > 1:
            return
        for symbols in product(language.alphabet, repeat=length):
            yield "".join(symbols)


def _readable(language: Language) -> Iterator[str]:
    for string in _short(language):
        try:
            language.read(string)
        except ValueError:
            continue
        yield string


def _classes(language: Language) -> Iterator[str]:
    names = language.classes
    if len(set(names)) < len(names) or not all(isinstance(n, str) and n for n in names):
        yield f"classes must be texts, each once, got {names!r}"
    if len(language.alphabet) > 256:
        yield f"the alphabet must have at most 256 symbols, got {len(language.alphabet)}"


def _targets(language: Language) -> Iterator[str]:
    for string in _readable(language):
        own = language.label(string)  # raises what is no class
        if own != language.label(string):
            yield f"two readings of {string!r} have different labels"
        batch = language.targets(language.encode(string), np.array([0, len(string)]))
        if batch.tolist() != own:
            yield f"targets and label differ on {string!r}: {batch.tolist()} and {own}"


def _counts(language: Language) -> Iterator[str]:
    strings: dict[int, int] = {}
    for string in _short(language):
        strings[len(string)] = strings.get(len(string), 0) + language.contains(string)
    for length, number in strings.items():
        for counted in (language.count(length), language.completions(language.start, length)):
            if counted != number:
                yield f"{number} strings of length {length} are in the language, counted {counted}"


def _completions(language: Language) -> Iterator[str]:
    for string in _readable(language):
        state, reach = language.read(string)[-1], 3 * len(string) + 40
        if len(string) > LONGEST // 2:
            return
        if not any(language.completions(state, n) for n in range(reach)):
            yield (
                f"{string!r} can be read, but no string of the language within {reach} more "
                "symbols goes on so: step must return None"
            )


def _draws(language: Language) -> Iterator[str]:
    for length in [n for n in range(1, FAR + 1) if language.count(n)][-2:]:
        drawn, again = (language.draw(np.random.default_rng(0), length, 5) for _ in range(2))
        if drawn != again:
            yield "equal seeds draw different strings: draw must take all chance from rng"
        for string in drawn:
            if len(string) != length or not language.contains(string):
                yield f"draws {string!r} for length {length}, which is not in the language"


PROPERTIES: dict[str, Callable[[Language], Iterator[str]]] = {
    "classes are texts, each given once": _classes,
    "every prefix has one target": _targets,
    "counts agree with the strings": _counts,
    "what can be read can be completed": _completions,
    "drawn strings are in the language": _draws,
}
"""By what they say."""
