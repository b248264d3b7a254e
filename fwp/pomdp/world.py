"""What the worlds share: many episodes side by side, of lengths that are drawn."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np


class World(ABC):
    """`count` episodes side by side, called like a `gymnasium.vector.VectorEnv`.

    Observations and actions are numbers, the indices into `observations` and `actions`. An episode
    has a number of steps that it begins with. The step after its last begins the next episode,
    whatever the action, and earns nothing (Gymnasium calls it autoreset in the next step).

    Args:
        count: how many episodes go on at a time.
        horizon: steps of the longest episode.
        shortest: steps of the shortest; every number up to `horizon` is equally likely. None: the
            same as `horizon`.

    Raises:
        ValueError: horizon or shortest is too small, or they are in the wrong order.
    """

    observations: tuple[str, ...]
    """What an observation is, readable."""
    actions: tuple[str, ...]
    """What an action is, readable."""
    least = 1
    """Steps that the shortest possible episode has."""

    def __init__(self, count: int, *, horizon: int, shortest: int | None = None):
        shortest = horizon if shortest is None else shortest
        for name, value in (("shortest", shortest), ("horizon", horizon)):
            if value < self.least:
                raise ValueError(f"{name} must be at least {self.least}, got {value}")
        if shortest > horizon:
            raise ValueError(f"shortest must be at most horizon = {horizon}, got {shortest}")
        self.count, self.horizon = count, horizon
        self.possible = np.arange(shortest, horizon + 1)
        self.rng = np.random.default_rng()
        self.time = np.zeros(count, dtype=np.int64)
        self.steps = np.zeros(count, dtype=np.int64)
        self._over = np.zeros(count, dtype=bool)

    @abstractmethod
    def begin(self, rows: np.ndarray) -> None:
        """Begin an episode in each of `rows`; how many `steps` they have is drawn already."""

    @abstractmethod
    def observe(self) -> np.ndarray:
        """What is seen now, int64 [count]."""

    @abstractmethod
    def act(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Change the world by `actions` [count]; `time` is the number of actions, these included.

        Returns:
            rewards, float64 [count], and whether the aim of the episode is reached; this counts at
            its end alone.
        """

    @property
    def last(self) -> np.ndarray:
        """Whether this action, or one before, is the last of its episode, bool [count]."""
        return self.time >= self.steps

    def reset(
        self, *, seed: int | None = None, options: dict | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin all episodes again: first observations [count], and nothing else to know.

        Args:
            seed: decides everything that is drawn from now on; None goes on as before.
            options: none are known.
        """
        del options
        if seed is not None:
            self.rng = np.random.default_rng(seed)
        self._start(np.arange(self.count))
        return self.observe(), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Act in all episodes.

        Returns:
            observations, rewards, whether the episode is over, whether it was cut short (never),
            each [count], and {"success": whether the aim is reached, "_success": where that is
            known}, if an episode is over.
        """
        fresh = np.flatnonzero(self._over)
        self.time += 1
        rewards, success = self.act(np.asarray(actions))
        if fresh.size:
            rewards[fresh] = 0
            self._start(fresh)
        self._over = self.last & (self.time > 0)
        known = {"success": success & self._over, "_success": self._over.copy()}
        never = np.zeros(self.count, dtype=bool)
        return (
            self.observe(),
            rewards,
            self._over.copy(),
            never,
            known if known["_success"].any() else {},
        )

    def _start(self, rows: np.ndarray) -> None:
        self.steps[rows] = self.rng.choice(self.possible, size=len(rows))
        self.time[rows] = 0
        self._over[rows] = False
        self.begin(rows)
