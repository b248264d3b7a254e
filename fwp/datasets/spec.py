"""What a dataset is drawn from: a task, a seed, windows of lengths and numbers of strings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TaskSettings:
    """A task: its name in the config, and a language with its parameters."""

    name: str
    language: str
    params: Mapping[str, Any]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TaskSettings":
        """What `as_dict` returned."""
        return cls(**values)

    def as_dict(self) -> dict[str, Any]:
        """Plain builtins, in the order of the fields."""
        return vars(self) | {"params": dict(self.params)}


@dataclass(frozen=True)
class TrainStrings:
    """Training strings: shortest and longest length, and how many."""

    min_length: int
    max_length: int
    count: int

    @property
    def bins(self) -> tuple[tuple[int, int], ...]:
        """The window as the only bin."""
        return ((self.min_length, self.max_length),)

    def as_dict(self) -> dict[str, int]:
        """Plain builtins, in the order of the fields."""
        return dict(vars(self))


@dataclass(frozen=True)
class BinnedStrings:
    """Validation or test strings: `count` of each bin (shortest, longest), or all there are."""

    bins: tuple[tuple[int, int], ...]
    count: int

    def as_dict(self) -> dict[str, Any]:
        """Plain builtins, in the order of the fields."""
        return {"bins": [list(window) for window in self.bins], "count": self.count}


@dataclass(frozen=True)
class DatasetSpec:
    """All that decides the strings of a task.

    Attributes:
        seed: of the drawing.
        train: training strings.
        validation: strings by which training stops and the best epoch is chosen.
        test: strings to measure.
    """

    task: TaskSettings
    seed: int
    train: TrainStrings
    validation: BinnedStrings
    test: BinnedStrings

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "DatasetSpec":
        """What `as_dict` returned; `params` and `seed` may be left out.

        Raises:
            ValueError: a key is missing.
        """
        needed = ("name", "language", "train", "validation", "test")
        if lacking := [key for key in needed if key not in values]:
            raise ValueError(
                f"a dataset's spec needs the key {lacking[0]!r}, got {', '.join(values)}"
            )
        validation, test = (
            BinnedStrings(tuple((low, high) for low, high in part["bins"]), part["count"])
            for part in (values["validation"], values["test"])
        )
        return cls(
            TaskSettings(values["name"], values["language"], dict(values.get("params", {}))),
            values.get("seed", 0),
            TrainStrings(**values["train"]),
            validation,
            test,
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain builtins: the task's keys, then "seed", "train", "validation" and "test"."""
        return {
            **self.task.as_dict(),
            "seed": self.seed,
            "train": self.train.as_dict(),
            "validation": self.validation.as_dict(),
            "test": self.test.as_dict(),
        }
