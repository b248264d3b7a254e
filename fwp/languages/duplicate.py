"""A string twice, with one of its symbols missing."""

from collections.abc import Sequence

import numpy as np

from fwp.languages.base import NO_TARGET, Language
from fwp.languages.tracking import ASK, independent

GAP = "_"


class Duplicate(Language):
    """ww with a gap in place of one symbol; a subclass says which symbols may be missing.

    State: the prefix.

    Args:
        missing: symbols that the gap may stand for.
        ends: what every string ends with.
    """

    start = ""
    period = 2

    def __init__(self, missing: Sequence[str], ends: str = ""):
        self.missing, self.ends = missing, ends
        self.alphabet = ("0", "1", GAP, *ends)

    def step(self, state: str, symbol: str) -> str | None:
        over = state[-1:] == self.ends != ""
        if over or (symbol == GAP and GAP in state):
            return None
        return None if symbol == self.ends and not self._found(state) else state + symbol

    def accepts(self, state: str) -> bool:
        whole = state.endswith(self.ends) if self.ends else True
        return whole and bool(self._found(state.removesuffix(self.ends)))

    def _found(self, string: str) -> str:
        """The missing symbol of a string without its end; "" if it is not such a string."""
        half, odd = divmod(len(string), 2)
        if odd or GAP not in string:
            return ""
        place = string.index(GAP)
        symbol = string[place - half]  # the same place of the other half
        filled = string.replace(GAP, symbol)
        return symbol if symbol in self.missing and filled[:half] == filled[half:] else ""

    def completions(self, state: str, length: int) -> int:
        if self.ends and state.endswith(self.ends):
            return int(length == 0)
        length -= len(self.ends)
        half, odd = divmod(len(state) + length, 2)
        if odd or length < 0 or half == 0:
            return 0
        after = max(0, len(state) - half)  # symbols of the second half
        first, second = state[:half], state[half:]
        free = half - len(first)
        place = state.find(GAP)
        if place < 0:
            if first[:after] != second:
                return 0
            # The gap comes at a place that has a symbol in the first half, or at a new one.
            known = sum(symbol in self.missing for symbol in first[after:])
            new = 2 * free * len(self.missing) * 2 ** (free - 1) if free else 0
            return known * 2**free + new
        twin = place - half if place >= half else place + half
        if twin < len(state):
            return int(self._agrees(first[:after], second) and state[twin] in self.missing)
        if not self._agrees(first[:after], second):
            return 0
        return len(self.missing) * 2**free

    @staticmethod
    def _agrees(first: str, second: str) -> bool:
        return all(a == b or GAP in (a, b) for a, b in zip(first, second, strict=True))


class MissingDuplicate(Duplicate):
    """A string over 0 and 1 twice, with one symbol missing, and then =, where it is the target.

    Delétang et al. 2023. In their strings of odd length an empty symbol precedes the answer; these
    are left out here. All strings of a length are equally likely.
    """

    name = "missing_duplicate"
    title = "Missing duplicate"
    classes = ("0", "1")
    distribution = "independent symbols and a random place, all equally likely"

    def __init__(self):
        super().__init__(("0", "1"), ASK)

    def target(self, state: str) -> int:
        return int(self._found(state[:-1])) if state[-1:] == ASK else NO_TARGET

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        words = independent(rng, self.classes, length // 2, count)
        places = rng.integers(length - 1, size=count).tolist()
        doubled = [2 * word for word in words]
        pairs = zip(doubled, places, strict=True)
        return [string[:at] + GAP + string[at + 1 :] + ASK for string, at in pairs]


class FlareMissingDuplicate(Duplicate):
    """A string over 0 and 1 twice, with a gap in place of a 1; the target is what may follow.

    Butoi et al. 2025 (FLaRe). As in their code, a random symbol of a random string is made a 1, and
    then one of the 1s is left out.
    """

    name = "flare_missing_duplicate"
    title = "Missing duplicate (FLaRe)"
    classes = ("01_", "01", "01 end")
    distribution = "independent symbols, one of them made a 1, then one of the 1s left out"

    def __init__(self):
        super().__init__(("1",))

    def target(self, state: str) -> int:
        return 0 if GAP not in state else 1 + self.accepts(state)

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        strings = []
        for word in independent(rng, ("0", "1"), length // 2, count):
            at = int(rng.integers(length // 2))
            doubled = 2 * (word[:at] + "1" + word[at + 1 :])
            ones = [i for i, symbol in enumerate(doubled) if symbol == "1"]
            gap = ones[int(rng.integers(len(ones)))]
            strings.append(doubled[:gap] + GAP + doubled[gap + 1 :])
        return strings
