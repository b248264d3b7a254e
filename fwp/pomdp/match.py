"""A twin in symbols of passive visual match: remember a colour while picking apples."""

from itertools import permutations

import numpy as np

from fwp.pomdp.world import World

COLOURS = ("red", "green", "blue")
PLACES = ("left", "middle", "right")


class Match(World):
    """Remember a colour, pick apples meanwhile, and at the end open the door of that colour.

    A twin of passive visual match (Hung et al. 2018; Lu et al. 2024) without pictures and ways to
    walk. The first step shows a colour. Each of the n - 2 steps that follow shows an apple at one
    of three places: the action of that place picks it, which earns apples / (n - 2). The last step
    shows three doors in a random order of their colours; the right one earns 1.

    Args:
        count: how many episodes go on at a time.
        horizon: steps of the longest episode.
        shortest: steps of the shortest.
        apples: what all apples of an episode earn together.
    """

    observations = (
        *COLOURS,
        *(f"apple: {place}" for place in PLACES),
        *("doors: " + " ".join(order) for order in permutations(COLOURS)),
    )
    actions = PLACES
    least = 3

    def __init__(
        self, count: int, *, horizon: int, shortest: int | None = None, apples: float = 1.0
    ):
        super().__init__(count, horizon=horizon, shortest=shortest)
        self.apples = apples
        self._orders = np.array([*permutations(range(len(COLOURS)))])
        self._colour, self._order = np.zeros((2, count), dtype=np.int64)
        self._apple = np.zeros((count, horizon), dtype=np.int64)

    def begin(self, rows: np.ndarray) -> None:
        """Draw the colour, where apples grow, and how the doors are ordered."""
        self._colour[rows] = self.rng.integers(len(COLOURS), size=len(rows))
        self._order[rows] = self.rng.integers(len(self._orders), size=len(rows))
        self._apple[rows] = self.rng.integers(len(PLACES), size=(len(rows), self.horizon))

    def observe(self) -> np.ndarray:
        """The colour, an apple, or the doors, which stay when the episode is over."""
        apple = self._apple[np.arange(self.count), np.minimum(self.time, self.horizon - 1)]
        doors = len(COLOURS) + len(PLACES) + self._order
        first, late = self.time == 0, self.time >= self.steps - 1
        return np.select([first, late], [self._colour, doors], len(COLOURS) + apple)

    def act(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pick an apple, or open a door."""
        before = self.time - 1
        apple = self._apple[np.arange(self.count), np.minimum(before, self.horizon - 1)]
        picked = (before > 0) & ~self.last & (actions == apple)
        right = self.last & (self._orders[self._order, actions] == self._colour)
        return picked * (self.apples / (self.steps - 2)) + right, right
