"""Dyck-k and bounded Dyck-(k, m): brackets of several kinds, which need a stack."""

import numpy as np

from fwp.languages._brackets import BRACKETS, of_kinds
from fwp.languages._checks import check_integer
from fwp.languages._paths import DEAD
from fwp.languages.automaton import Automaton
from fwp.languages.base import Language
from fwp.languages.dyck import Grammar, catalan, nestings


class DyckK(Language):
    """Balanced strings of k kinds of brackets; a subclass says how they are drawn.

    Unlike in Shuffle-k, a bracket may only be closed when all that were opened after it are closed.
    The target is what may follow: which kind may be closed, if any, and, where the depth is
    bounded, whether a bracket may be opened. State: the open brackets.

    Args:
        kinds: k.
        depth: how many brackets may be open at once; None: any number.
    """

    start = ""
    period = 2

    def __init__(self, kinds: int, depth: int | None = None):
        self.kinds, self.depth = kinds, depth
        self.brackets = BRACKETS[:kinds]
        self.alphabet = tuple("".join(self.brackets))
        self.opening, self.closing = self.alphabet[::2], self.alphabet[1::2]
        self.classes = ("balanced", *(f"{bracket} open" for bracket in self.opening))
        if depth == 1:
            self.classes = ("balanced", *(f"{bracket} full" for bracket in self.opening))
        elif depth is not None:
            self.classes += tuple(f"{bracket} full" for bracket in self.opening)

    def step(self, state: str, symbol: str) -> str | None:
        if symbol in self.opening:
            return state + symbol if len(state) != self.depth else None
        kind = self.closing.index(symbol)
        return state[:-1] if state[-1:] == self.opening[kind] else None

    def accepts(self, state: str) -> bool:
        return not state

    def target(self, state: str) -> int:
        if not state:
            return 0
        full = len(state) == self.depth != 1
        return 1 + self.opening.index(state[-1]) + full * self.kinds


class Dyck2(DyckK):
    """Dyck-2. Strings follow the grammar of Dyck-1, each pair of a random kind."""

    name = "dyck_2"
    title = "Dyck-2"

    def __init__(self, *, p: float = 0.5, q: float = 0.25):
        super().__init__(kinds=2)
        self.grammar = Grammar(p, q)
        self.distribution = f"{self.grammar}, given the length; each pair of a random kind"

    def count(self, length: int) -> int:
        return 0 if length % 2 else catalan(length // 2) * self.kinds ** (length // 2)

    def completions(self, state: str, length: int) -> int:
        return nestings(self.kinds, len(state), length)

    def draw(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        words = (self.grammar.draw(rng, length // 2) for _ in range(count))
        return [of_kinds(rng, word, self.brackets) for word in words]


class BoundedDyck(DyckK):
    """Dyck-(k, m): `kinds` k of brackets, at most `depth` m open at once. Hewitt et al. 2020.

    Regular, but its smallest automaton has a state for every stack. Strings of a length are equally
    likely: depths are drawn by counting paths, kinds independently.
    """

    name = "bounded_dyck"
    title = "Dyck-({kinds}, {depth})"

    def __init__(self, *, kinds: int = 2, depth: int = 4):
        check_integer("kinds", kinds, 1, len(BRACKETS))
        check_integer("depth", depth, 1, 100)
        super().__init__(kinds, depth)
        rows = [[d + 1 if d < depth else DEAD, d - 1 if d else DEAD] for d in range(depth + 1)]
        self._depths = Automaton("()", rows, {0})

    def completions(self, state: str, length: int) -> int:
        opened = max(0, length - len(state)) // 2
        return self._depths.completions(len(state), length) * self.kinds**opened

    def check_length(self, length: int) -> None:
        self._depths.check_length(length)

    def draw_uniform(self, rng: np.random.Generator, length: int, count: int) -> list[str]:
        self.check_length(length)
        if self.count_capped(length) == 0:
            self.no_strings(length, length)
        words = self._depths.draw_uniform(rng, length, count)
        return [of_kinds(rng, word, self.brackets) for word in words]
