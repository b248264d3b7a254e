"""A cell, a model on a task: everything that decides its results, except for the seed.

Jobs get cells as plain dicts, which Snakemake compares as text: `as_dict` and `from_dict`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fwp.config.settings import ModelSettings, TrainingSettings
from fwp.datasets.spec import TaskSettings


@dataclass(frozen=True)
class TrainedCell:
    """What decides how given weights do on given strings.

    Attributes:
        dtype: of weights and activations.
        code: fingerprints by stage.
    """

    model: ModelSettings
    task: TaskSettings
    dtype: str
    code: Mapping[str, str]

    @property
    def names(self) -> dict[str, str]:
        """Task and model, as rows of tables name the cell."""
        return {"task": self.task.name, "model": self.model.name}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "TrainedCell":
        """What `as_dict` returned, here or of a `Cell`."""
        return cls(
            ModelSettings.from_dict(values["model"]),
            TaskSettings.from_dict(values["task"]),
            values["training"]["dtype"],
            values["code"],
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain builtins, in a fixed order."""
        return {
            "model": self.model.as_dict(),
            "task": self.task.as_dict(),
            "training": {"dtype": self.dtype},
            "code": dict(self.code),
        }


@dataclass(frozen=True)
class Cell:
    """What decides the weights and results of a model on a task; `code` as in `TrainedCell`."""

    model: ModelSettings
    task: TaskSettings
    training: TrainingSettings
    code: Mapping[str, str]

    @property
    def names(self) -> dict[str, str]:
        """Task and model, as rows of tables name the cell."""
        return {"task": self.task.name, "model": self.model.name}

    @property
    def trained(self) -> TrainedCell:
        """The part that still matters once the weights are there."""
        return TrainedCell(self.model, self.task, self.training.dtype, self.code)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Cell":
        """What `as_dict` returned, or the `config` of a record."""
        return cls(
            ModelSettings.from_dict(values["model"]),
            TaskSettings.from_dict(values["task"]),
            TrainingSettings.from_dict(values["training"]),
            values["code"],
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain builtins, in a fixed order."""
        return {
            "model": self.model.as_dict(),
            "task": self.task.as_dict(),
            "training": self.training.as_dict(),
            "code": dict(self.code),
        }
