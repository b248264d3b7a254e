"""The space of a search: which values its settings may take. Plain data, for planning too.

A setting has a dotted key: "hidden", "heads" (an option of the mixer), "training.learning_rate".
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fwp.config import schema

DIGITS = 4  # of numbers that are drawn from a range, so that no processor's rounding shows


@dataclass(frozen=True)
class Choice:
    """Values of which each is as likely as the others."""

    values: tuple

    def at(self, unit: float) -> Any:
        """The value at a place in [0, 1)."""
        return self.values[int(unit * len(self.values))]

    def listed(self) -> tuple:
        """All values."""
        return self.values

    def grid(self) -> tuple:
        """The values that a grid has."""
        return self.values

    def place(self, value: Any) -> int:
        """Where a value stands; 1, 1.0 and true are told apart."""
        return [json.dumps(v) for v in self.values].index(json.dumps(value))

    @property
    def grid_size(self) -> int:
        """How many values a grid has."""
        return len(self.values)

    @property
    def count(self) -> int:
        """How many values there are."""
        return len(self.values)

    def plain(self) -> Any:
        """As the config has it."""
        return list(self.values)


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both included.

    Attributes:
        log: whether equal factors are equally likely, and not equal differences.
        integer: whether the setting is an integer.
        step: between the numbers, from low on; None for any number.
        points: how many of them a grid has.
    """

    low: float
    high: float
    log: bool = False
    integer: bool = False
    step: float | None = None
    points: int | None = None

    def at(self, unit: float) -> float:
        """The value at a place in [0, 1): unit is to be drawn uniformly."""
        if self.count is not None and not self.log:
            return self._nth(int(unit * self.count))
        half = 0.5 if self.integer else 0.0
        return self._between(self.low - half, self.high + half, unit)

    def listed(self) -> tuple | None:
        """All values in ascending order; None if there are too many to count."""
        return None if self.count is None else tuple(map(self._nth, range(self.count)))

    def grid(self) -> tuple | None:
        """The values that a grid has; None if the range does not say."""
        if self.points is None:
            return self.listed()
        parts = [i / (self.points - 1) for i in range(self.points)]
        return tuple(dict.fromkeys(self._between(self.low, self.high, part) for part in parts))

    @property
    def grid_size(self) -> int | None:
        """How many values a grid has; None if the range does not say."""
        if self.points is None:
            return self.count
        return len(self.grid() or ())

    @property
    def count(self) -> int | None:
        """How many values there are; None for any number between two."""
        if self.step is None and not self.integer:
            return None
        return 1 + math.floor((self.high - self.low) / (self.step or 1) + 1e-9)

    @property
    def last(self) -> float:
        """The highest value, which steps may not reach beyond."""
        return self.high if self.count is None else self._nth(self.count - 1)

    def nearest(self, value: float) -> float:
        """A number between low and high with as few digits as those that are drawn."""
        if self.count is not None and not self.log:
            return self._nth(round((value - self.low) / (self.step or 1)))
        return self._shortened(value)

    def plain(self) -> dict[str, Any]:
        """As a mapping, which `Range(**mapping)` reads."""
        return asdict(self)

    def _nth(self, n: int) -> float:
        value = self.low + n * (self.step or 1)
        return round(value) if self.integer else _rounded(value, abs(self.high - self.low), 12)

    def _between(self, low: float, high: float, part: float) -> float:
        if self.log:
            value = math.exp(math.log(low) + part * (math.log(high) - math.log(low)))
        else:
            value = low + part * (high - low)
        return self._shortened(value)

    def _shortened(self, value: float) -> float:
        if self.integer:
            value = round(value)
        else:
            value = _rounded(value, value if self.log else self.high - self.low, DIGITS)
        return min(max(value, self.low), self.high)


Space = dict[str, Choice | Range]
"""By dotted key, in the order of the keys."""


def space_of(config: dict, model: str, task: str | None = None) -> Space:
    """What is searched for a model; empty if its settings stay as they are.

    Args:
        config: a checked one, with all defaults.
        task: on which task; settings in `overrides` of that cell are not searched.
    """
    search = config["search"]
    if search is None:
        return {}
    given = flat(search["space"]) | flat(search["models"].get(model, {}))
    fixed = flat(config["overrides"].get(model, {}).get(task, {})) if task is not None else {}
    return {
        key: _dimension(key, given[key])
        for key in sorted(given)
        if given[key] is not None and key not in fixed
    }


def plain(space: Space) -> dict[str, Any]:
    """A space as builtins: lists and mappings."""
    return {key: dimension.plain() for key, dimension in space.items()}


def from_plain(values: Mapping[str, Any]) -> Space:
    """What `plain` was given."""
    return {
        key: Choice(tuple(value)) if isinstance(value, list) else Range(**value)
        for key, value in values.items()
    }


def rule(key: str) -> dict | None:
    """What the schema says of a setting; None for options of a mixer."""
    if key.startswith("training."):
        return schema.rule("training", key.removeprefix("training."))
    return schema.rule("model", key)


def flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted key; of nested ones there are those of training."""
    training = settings.get("training") or {}
    found = {key: value for key, value in settings.items() if key != "training"}
    return found | {f"training.{key}": value for key, value in training.items()}


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted key as `overrides` has them; `flat` undoes it."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        section, dot, name = key.partition(".")
        if dot:
            found.setdefault(section, {})[name] = value
        else:
            found[key] = value
    return found


def text(settings: Mapping[str, Any]) -> str:
    """Equal for equal settings, whatever their order."""
    return json.dumps(settings, sort_keys=True)


def _dimension(key: str, given: Any) -> Choice | Range:
    if isinstance(given, list):
        return Choice(tuple(given))
    known = rule(key)
    ends = {name: given[name] for name in ("low", "high", "step") if given.get(name) is not None}
    if known is None:  # an option: a checked config has integers where the mixer takes them
        integer = all(isinstance(end, int) for end in ends.values())
    else:
        integer = known.get("type") == "integer"
    if not integer:
        ends = {name: float(end) for name, end in ends.items()}
    return Range(**{**given, **ends, "integer": integer})


def _rounded(value: float, scale: float, digits: int) -> float:
    """With so many digits of a number of the size of `scale`."""
    if not value or not scale:
        return float(value)
    return float(round(value, digits - 1 - math.floor(math.log10(abs(scale)))))
