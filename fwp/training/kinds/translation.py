"""Pairs of sentences: after a source and a separator, every token of the target is predicted."""

from pathlib import Path

from fwp.datasets.spec import DatasetSpec, TaskSettings
from fwp.datasets.text.pair_dataset import PairDataset, load_pairs
from fwp.training.batches import PaddedSplit
from fwp.training.pairs import PairEvaluator
from fwp.utils.bins import Bin, probability_column


def load(
    path: str | Path, task: TaskSettings | None = None, spec: DatasetSpec | None = None
) -> PairDataset:
    """Training and validation pairs.

    Raises:
        DatasetError: the file is not what was asked for.
    """
    return load_pairs(path, task, spec=spec, kinds=("train", "validation"))


def training(dataset: PairDataset, device: str) -> PaddedSplit:
    """What is trained on."""
    return PaddedSplit.of(dataset.splits["train"], device)


def evaluators(dataset: PairDataset, *, device: str, models: int) -> list[PairEvaluator]:
    """What the loss is measured on."""
    split, classes = dataset.splits["validation"], len(dataset.classes)
    return [PairEvaluator(split, classes=classes, device=device, models=models)]


def columns(dataset: PairDataset) -> list[str]:
    """Columns of the history that hold what the evaluators measure."""
    return [probability_column(Bin(1, dataset.params["max_length"]))]
