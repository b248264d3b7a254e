"""A formal language as a world: read symbols, and name the class of the string at its end."""

from typing import Any, Literal

import numpy as np

from fwp import languages
from fwp.languages.base import State
from fwp.pomdp.world import World
from fwp.utils.targets import NO_TARGET

WAIT = "wait"


class LanguageWorld(World):
    """One symbol per step, then an end symbol; only the action at the end symbol counts.

    The construction of Lu et al. (2024, arXiv 2405.17358), as their code has it: naming the class
    of the string earns 1, another class nothing. A further action, wait, costs 1 at the end symbol.
    An episode of n steps shows n - 1 symbols.

    Args:
        count: how many episodes go on at a time.
        horizon: steps of the longest episode.
        shortest: steps of the shortest.
        language: a language of the lab, or my_module:MyLanguage.
        params: parameters of the language.
        strings: walk draws each symbol uniformly from those that can be read next, so that the
            string is a prefix of the language; language draws whole strings of the language, as the
            datasets of tasks do.
        wait: whether there is the action wait.

    Raises:
        ValueError: there is no such language, no string of these lengths, or none with a class.
    """

    least = 2

    def __init__(
        self,
        count: int,
        *,
        horizon: int,
        shortest: int | None = None,
        language: str = "parity",
        params: dict[str, Any] | None = None,
        strings: Literal["walk", "language"] = "walk",
        wait: bool = True,
    ):
        super().__init__(count, horizon=horizon, shortest=shortest)
        if strings not in ("walk", "language"):
            raise ValueError(f"strings must be walk or language, got {strings!r}")
        self.language = languages.get(language, **params or {})
        self.strings = strings
        self.observations = (*self.language.alphabet, "end")
        self.actions = (*self.language.classes, WAIT)[: len(self.language.classes) + wait]
        self._ways: dict[State, list[tuple[int, State]]] = {}
        self._tokens = np.full((count, horizon + 1), len(self.language.alphabet))
        self._classes = np.zeros(count, dtype=np.int64)
        if strings == "language":
            low, high = int(self.possible[0]) - 1, int(self.possible[-1]) - 1
            found = self.language.lengths(low, high)
            if not found:
                self.language.no_strings(low, high)
            self.possible = np.array(found) + 1

    def begin(self, rows: np.ndarray) -> None:
        """Draw a string for each of `rows`."""
        self._tokens[rows] = len(self.language.alphabet)
        for row, steps in zip(rows.tolist(), self.steps[rows].tolist(), strict=True):
            tokens, found = self._walk(steps - 1) if self.strings == "walk" else self._whole(steps)
            if found == NO_TARGET:
                raise ValueError(
                    f"language must give the last symbol of a string a class, {self.language.name} "
                    f"gives none to {self.language.decode(tokens)!r}; its parameters, or strings: "
                    "language, may change that"
                )
            self._tokens[row, : len(tokens)] = tokens
            self._classes[row] = found

    def observe(self) -> np.ndarray:
        """The next symbol of each string, or the end symbol."""
        return self._tokens[np.arange(self.count), np.minimum(self.time, self.horizon)]

    def act(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Judge what is said at the end symbol."""
        right = self.last & (actions == self._classes)
        waited = self.last & (actions == len(self.language.classes))
        return right.astype(np.float64) - waited, right

    def _walk(self, length: int) -> tuple[list[int], int]:
        """Tokens of a random walk, and the class that it leads to."""
        state, tokens = self.language.start, []
        for share in self.rng.random(length).tolist():
            if state not in self._ways:
                steps = [self.language.step(state, symbol) for symbol in self.language.alphabet]
                self._ways[state] = [(i, to) for i, to in enumerate(steps) if to is not None]
            ways = self._ways[state]
            if not ways:
                raise ValueError(
                    f"strings: walk needs a language whose strings can always go on, "
                    f"{self.language.name} ends after {self.language.decode(tokens)!r}; "
                    "strings: language draws whole strings"
                )
            token, state = ways[int(share * len(ways))]
            tokens.append(token)
        return tokens, self.language.class_of(state)

    def _whole(self, steps: int) -> tuple[list[int], int]:
        """Tokens of a string of the language, and its class."""
        (string,) = self.language.draw(self.rng, steps - 1, 1)
        return self.language.encode(string).tolist(), self.language.label(string)[-1]
