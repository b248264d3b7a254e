"""Kinds of tasks as training sees them: what is trained on, and what models are judged by.

A kind is a module of `fwp.training.kinds`, and of `fwp.training.evaluation` for test data. Both are
loaded by name, so that an edit of one reruns the tasks of that kind alone.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from torch import Tensor

from fwp.datasets.spec import TaskSettings
from fwp.training.batches import Batch


class Data(Protocol):
    """A dataset of any kind."""

    @property
    def language(self) -> str:
        """Name of a language, text or translation."""
        ...

    @property
    def hash(self) -> Any:  # a cached property is no plain one to a type checker
        """SHA-256 of all that is in it."""
        ...

    @property
    def alphabet(self) -> Sequence[str]:
        """Input symbols."""
        ...

    @property
    def classes(self) -> Sequence[str]:
        """What is predicted."""
        ...


class Material(Protocol):
    """What is trained on: rows of tokens with a target for each, and batches of them."""

    @property
    def tokens(self) -> Tensor:
        """Symbols, [rows, symbols]."""
        ...

    @property
    def targets(self) -> Tensor:
        """Classes, [rows, symbols]; `NO_TARGET` where there is none."""
        ...

    def __len__(self) -> int: ...

    def epoch(self, batch_size: int, seed: int, epoch: int) -> list[Batch]:
        """The batches of an epoch."""
        ...


class Scorer(Protocol):
    """Validation data that measures the models of a pack."""

    def score(self, model: Callable) -> Tensor:
        """A number in [0, 1] for each model, float64; 1 if nothing is wrong."""
        ...


def kind_of(language: str) -> str:
    """The kind of a dataset or task with this language: strings, text or translation."""
    return TaskSettings("", language, {}).kind


def load_kind(of: Data | TaskSettings) -> Any:
    """What trains and selects models on a dataset or task: a module of `fwp.training.kinds`.

    It has `load`, `training`, `evaluators` and `columns`; see `fwp.training.kinds.strings`.
    """
    return importlib.import_module(f"fwp.training.kinds.{kind_of(of.language)}")


def load_evaluation(of: Data | TaskSettings) -> Any:
    """What measures models on test data: a module of `fwp.training.evaluation`.

    It has `COLUMNS`, `load` and `measure`; see `fwp.training.evaluation.strings`.
    """
    return importlib.import_module(f"fwp.training.evaluation.{kind_of(of.language)}")
