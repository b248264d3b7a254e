"""Settings of the search for a model: typed, frozen and complete.

The section `search` of `fwp/config/schema.yaml` has default, range and description of each.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fwp.search.space import Space, from_plain

PACK = 32
"""Runs that a GPU trains at a time, at most."""


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """What a search tries for a model.

    Attributes:
        trials: how many settings, at most.
        seeds: that each of them is trained with.
        seed: of what is drawn.
        halving: {"factor", "epochs"}, or None if every trial has the whole budget.
        budget: {"parameters"} or {"state"} that the width is solved from, or None.
        space: by dotted key, as `fwp.search.space.plain` has it.
    """

    trials: int
    method: Literal["grid", "random", "quasi_random", "tpe"]
    seeds: int
    seed: int
    halving: Mapping[str, int] | None
    budget: Mapping[str, int] | None
    space: Mapping[str, Any]

    @property
    def dimensions(self) -> Space:
        """The space, typed."""
        return from_plain(self.space)

    def epochs(self, budget: int) -> int:
        """Epochs that all trials have together, with one seed and a budget of so many epochs."""
        if self.halving is None:
            return self.trials * budget
        factor, stop = self.halving["factor"], self.halving["epochs"]
        going, total, before = self.trials, 0, 0
        while stop < budget:
            total += going * (stop - before)
            going, before, stop = -(-going // factor), stop, stop * factor
        return total + going * (budget - before)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SearchSettings":
        """What `as_dict` returned."""
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        """Plain builtins, in the order of the fields."""
        given = {key: getattr(self, key) for key in ("halving", "budget")}
        copied = {key: value and dict(value) for key, value in given.items()}
        return vars(self) | copied | {"space": dict(self.space)}


def points(space: Space) -> int:
    """Number of points of a grid.

    Raises:
        ValueError: a range does not say how many it has.
    """
    sizes = {key: dimension.grid_size for key, dimension in space.items()}
    for key, size in sizes.items():
        if size is None:
            raise ValueError(f"{key}: a grid needs points or a step for a range of any number")
    return math.prod(size for size in sizes.values() if size is not None)
