"""The strings over an alphabet that are outside a language."""

from collections.abc import Iterator
from itertools import product

from fwp.datasets.recognition.task import CLASSES
from fwp.languages import Language
from fwp.languages._checks import MANY
from fwp.languages._paths import DEAD, Table
from fwp.languages.automaton import Automaton

MOST_STATES = 1_000  # of a language whose complement is counted
MOST_LISTED = 4_096  # strings of a length that are looked through to count those outside
SHORT = 12  # symbols: a language that holds every string of so many is taken to hold every string

_LOST = ("outside",)


class Outside(Language):
    """All strings that are not in a language, also those that no string of it begins with.

    Strings are counted where there are few of a length. Of many, those outside are taken for many.

    Args:
        language: what they are outside of.
    """

    classes = CLASSES

    def __init__(self, language: Language):
        self.language = language
        self.name = f"the complement of {language.name}"
        self.alphabet = language.alphabet
        self.start = (language.start, True)

    def step(self, state: tuple, symbol: str) -> tuple:
        inside, alive = state if state is not _LOST else (None, False)
        following = self.language.step(inside, symbol) if alive else None
        return _LOST if following is None else (following, True)

    def accepts(self, state: tuple) -> bool:
        return state is _LOST or not self.language.accepts(state[0])

    def target(self, state: tuple) -> int:
        return int(self.accepts(state))

    def contains(self, string: str) -> bool:
        return not self.language.contains(string)

    def count(self, length: int) -> int:
        return len(self.alphabet) ** length - self.language.count(length)

    def count_capped(self, length: int) -> int:
        every = len(self.alphabet) ** min(length, MANY.bit_length())
        return MANY if every > MOST_LISTED else self.count(length)

    def strings(self, length: int) -> Iterator[str]:
        every = map("".join, product(self.alphabet, repeat=length))
        return (string for string in every if self.contains(string))


def outside(language: Language) -> Outside:
    """The strings outside a language; ValueError if it holds every string that is not long."""
    found = Outside(language)
    if not any(found.count(length) for length in range(1, SHORT + 1)):
        raise ValueError(_nothing(language))
    return found


def complement(language: Language) -> Automaton:
    """The strings outside a language, drawn uniformly: by paths of the complete automaton.

    ValueError for a language of more than `MOST_STATES` states, or one that holds every string.
    """
    numbers, waiting = {language.start: 0}, [language.start]
    table: Table = []
    for state in waiting:  # grows meanwhile
        row = []
        for symbol in language.alphabet:
            following = language.step(state, symbol)
            if following is not None and following not in numbers:
                if len(numbers) == MOST_STATES:
                    raise ValueError(
                        f"strings: balanced needs a language of at most {MOST_STATES:,} states, "
                        f"{language.name} has more; use strings: edits"
                    )
                numbers[following] = len(numbers)
                waiting.append(following)
            row.append(DEAD if following is None else numbers[following])
        table.append(row)
    lost = len(table)
    complete = [[lost if to == DEAD else to for to in row] for row in table]
    complete.append([lost] * len(language.alphabet))
    rejecting = [i for state, i in numbers.items() if not language.accepts(state)]
    try:
        found = Automaton(language.alphabet, complete, [*rejecting, lost], labels="member")
    except ValueError:
        raise ValueError(_nothing(language)) from None
    found.name = f"the complement of {language.name}"
    return found


def _nothing(language: Language) -> str:
    return (
        f"strings: a string must be able to be outside the language, {language.name} holds every "
        f"string over {' '.join(language.alphabet)}; use strings: language"
    )
