"""Schedules: how the learning rate goes on in the course of a training."""

import math
from collections.abc import Callable

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda _: 1.0,
    "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,  # down to zero, half a period
}
"""By name: the share of the highest rate that is due when the share `done` of the steps is over."""


class Schedule:
    """The learning rate of every step.

    Args:
        name: one of `SCHEDULES`.
        highest: rate.
        steps: how many there will be.
        warmup: share of the steps in which the rate first rises to `highest`, by equal amounts from
            step to step; the schedule has the rest.

    Raises:
        ValueError: no schedule is called `name`, or `warmup` is not in [0, 1).
    """

    def __init__(self, name: str, highest: float, steps: int, warmup: float = 0.0):
        if name not in SCHEDULES:
            raise ValueError(f"schedule must be one of {', '.join(SCHEDULES)}, got {name!r}")
        if not 0 <= warmup < 1:
            raise ValueError(f"warmup must be at least 0 and less than 1, got {warmup}")
        self.highest, self._share = highest, SCHEDULES[name]
        self._rise = round(warmup * steps)
        self._rest = max(steps - self._rise, 1)
        self.constant = name == "constant" and not self._rise

    def rate(self, step: int) -> float:
        """The rate of a step, the first being step 0."""
        if step < self._rise:
            return self.highest * (step + 1) / self._rise
        return self.highest * self._share(min((step - self._rise) / self._rest, 1.0))
