"""What a dataset is drawn from: a task, a seed, windows of lengths and numbers of strings."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

TEXTS = ("text", "translation")
"""Kinds of tasks that are about texts; they stand where a task of strings names its language."""


@dataclass(frozen=True)
class TaskSettings:
    """A task: its name in the config, and a language with its parameters.

    A text has "text" as its language, a translation "translation"; their parameters are what the
    config says under that key.
    """

    name: str
    language: str
    params: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """strings, text or translation."""
        return self.language if self.language in TEXTS else "strings"

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

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "BinnedStrings":
        """What `as_dict` returned."""
        return cls(tuple((low, high) for low, high in values["bins"]), values["count"])

    def as_dict(self) -> dict[str, Any]:
        """Plain builtins, in the order of the fields."""
        return {"bins": [list(window) for window in self.bins], "count": self.count}


NO_STRINGS = BinnedStrings((), 0)


@dataclass(frozen=True)
class DatasetSpec:
    """All that decides the strings of a task.

    Attributes:
        seed: of the drawing.
        train: training strings.
        validation: strings by which training stops and the best epoch is chosen.
        test: strings to measure; `NO_STRINGS` where only the others are drawn.
        measure: what else decides how test data are measured: the beam of a translation.
    """

    task: TaskSettings
    seed: int
    train: TrainStrings
    validation: BinnedStrings
    test: BinnedStrings
    measure: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "DatasetSpec":
        """What `as_dict` returned; `params`, `seed`, `test` and `measure` may be left out.

        Raises:
            ValueError: a key is missing.
        """
        needed = ("name", "language", "train", "validation")
        if lacking := [key for key in needed if key not in values]:
            raise ValueError(
                f"a dataset's spec needs the key {lacking[0]!r}, got {', '.join(values)}"
            )
        return cls(
            TaskSettings(values["name"], values["language"], dict(values.get("params", {}))),
            values.get("seed", 0),
            TrainStrings(**values["train"]),
            BinnedStrings.from_dict(values["validation"]),
            BinnedStrings.from_dict(values["test"]) if "test" in values else NO_STRINGS,
            dict(values.get("measure", {})),
        )

    def without_test(self) -> "DatasetSpec":
        """The part that decides training and validation strings."""
        return replace(self, test=NO_STRINGS, measure={})

    def as_dict(self) -> dict[str, Any]:
        """Plain builtins: the task's keys, then seed, train, validation and, if any, the rest."""
        test: dict[str, Any] = {} if self.test == NO_STRINGS else {"test": self.test.as_dict()}
        if self.measure:
            test["measure"] = dict(self.measure)
        return {
            **self.task.as_dict(),
            "seed": self.seed,
            "train": self.train.as_dict(),
            "validation": self.validation.as_dict(),
            **test,
        }
