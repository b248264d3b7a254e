"""Strings of a formal language: every position has a label, and whole strings must be right."""

from pathlib import Path

from fwp.datasets.dataset import Dataset, load_dataset
from fwp.datasets.spec import DatasetSpec, TaskSettings
from fwp.training.batches import PaddedSplit
from fwp.training.evaluator import Evaluator
from fwp.utils.bins import accuracy_column


def load(
    path: str | Path, task: TaskSettings | None = None, spec: DatasetSpec | None = None
) -> Dataset:
    """Training and validation strings.

    Raises:
        DatasetError: the file is not what was asked for.
    """
    return load_dataset(path, task, spec=spec, kinds=("train", "validation"))


def training(dataset: Dataset, device: str) -> PaddedSplit:
    """What is trained on."""
    return PaddedSplit.of(dataset.train, device)


def evaluators(dataset: Dataset, *, device: str, models: int) -> list[Evaluator]:
    """What accuracy is measured on, one for each bin."""
    return [Evaluator(split, device=device, models=models) for split in dataset.validation]


def columns(dataset: Dataset) -> list[str]:
    """Columns of the history that hold what the evaluators measure."""
    return [accuracy_column(split.bin) for split in dataset.validation]
