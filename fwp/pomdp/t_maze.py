"""The passive T-maze: a sign at the beginning says which way to turn at the end of a corridor."""

import numpy as np

from fwp.pomdp.world import World

CORRIDOR, UP_SIGN, DOWN_SIGN, JUNCTION, UP_GOAL, DOWN_GOAL = range(6)
RIGHT, UP, LEFT, DOWN = range(4)


class TMaze(World):
    """Walk along a corridor, and turn where the sign at its beginning said.

    Bakker (2001), in the form of Ni et al. (2023) that Lu et al. (2024) use. An episode of n steps
    has a corridor of n - 1 places, so that nobody reaches the goal who has not always gone right.
    Being behind costs 1 / (n - 1) at every step but the last. The goal of the sign earns 1 at the
    last step. The sign is seen at the first step alone.

    Args:
        count: how many episodes go on at a time.
        horizon: steps of the longest episode.
        shortest: steps of the shortest.
    """

    observations = ("corridor", "sign: up", "sign: down", "junction", "upper goal", "lower goal")
    actions = ("right", "up", "left", "down")
    least = 2

    def __init__(self, count: int, *, horizon: int, shortest: int | None = None):
        super().__init__(count, horizon=horizon, shortest=shortest)
        self._x, self._y, self._goal = np.zeros((3, count), dtype=np.int64)

    def begin(self, rows: np.ndarray) -> None:
        """Stand at the beginning, where a new sign is."""
        self._x[rows] = self._y[rows] = 0
        self._goal[rows] = self.rng.choice([1, -1], size=len(rows))

    def observe(self) -> np.ndarray:
        """The sign, the corridor, the junction or a goal."""
        seen = np.where(self._x < self.steps - 1, CORRIDOR, JUNCTION)
        seen[self._y > 0] = UP_GOAL
        seen[self._y < 0] = DOWN_GOAL
        sign = np.where(self._goal > 0, UP_SIGN, DOWN_SIGN)
        return np.where(self.time == 0, sign, seen)

    def act(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Move, unless there is a wall."""
        end = self.steps - 1
        along = np.select([actions == RIGHT, actions == LEFT], [1, -1], 0)
        across = np.select([actions == UP, actions == DOWN], [1, -1], 0)
        self._x = np.where(self._y == 0, np.clip(self._x + along, 0, end), self._x)
        self._y = np.where(self._x == end, np.clip(self._y + across, -1, 1), self._y)
        reached = self._y == self._goal
        late = np.where(self._x < self.time, -1 / end, 0.0)
        return np.where(self.last, reached.astype(np.float64), late), reached
