"""Settings of the search for a model: typed, frozen and complete.

The section `search` of `fwp/config/schema.yaml` has default, range and description of each.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fwp.search.space import Space, from_plain, plain, space_of

TRIALS = 24  # unless the config says


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

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SearchSettings":
        """What `as_dict` returned."""
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        """Plain builtins, in the order of the fields."""
        given = {key: getattr(self, key) for key in ("halving", "budget")}
        copied = {key: value and dict(value) for key, value in given.items()}
        return vars(self) | copied | {"space": dict(self.space)}


def search_settings(config: dict, model: str, task: str | None = None) -> SearchSettings | None:
    """The search for a model; None if its settings stay as they are.

    Args:
        config, task: as of `space_of`.
    """
    space = space_of(config, model, task)
    if not space:
        return None
    given = config["search"]
    trials = given["trials"]
    if given["method"] == "grid":
        trials = points(space)
    return SearchSettings(
        trials=TRIALS if trials is None else trials,
        method=given["method"],
        seeds=given["seeds"],
        seed=given["seed"],
        halving=given["halving"],
        budget=given["budget"],
        space=plain(space),
    )


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
