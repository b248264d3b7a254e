"""Accuracy on test strings, which reach far beyond the training lengths.

Those longer than the validation strings had no part in any choice. Shorter ones had none either,
unless the language has so few strings that the sets overlap (see `fwp.datasets.sampling`).
"""

from pathlib import Path

import numpy as np

from fwp.datasets.dataset import Dataset, Split, load_dataset
from fwp.datasets.spec import DatasetSpec, TaskSettings
from fwp.models.pack import Pack
from fwp.training.evaluator import Evaluator
from fwp.training.mistakes import examples

COLUMNS = ("bin", "length", "strings", "sequence_accuracy", "position_accuracy")
"""Of accuracy.csv, behind task, model, seed and status."""


def load(
    path: str | Path, task: TaskSettings | None = None, spec: DatasetSpec | None = None
) -> Dataset:
    """Test strings.

    Raises:
        DatasetError: the file is not what was asked for.
    """
    return load_dataset(path, task, spec=spec, kinds=("test",))


def measure(pack: Pack, dataset: Dataset, device: str) -> tuple[list[list[dict]], dict]:
    """Rows of `COLUMNS` for each model, and what else the record says: `fwp.training.mistakes`.

    There is one row per bin (`length` None) and one per length within it. A row holds bin
    ("51-100"), length, strings, sequence_accuracy (share of strings with every position right) and
    position_accuracy (share of positions right), both in [0, 1].
    """
    rows, every = [[] for _ in range(pack.size)], []
    for split in dataset.test:
        mistakes = (
            Evaluator(split, device=device, models=pack.size).errors_per_string(pack).cpu().numpy()
        )
        every.append(mistakes)
        labels = np.add.reduceat(split.targets >= 0, split.offsets[:-1], dtype=np.int64)
        for own, wrong in zip(rows, mistakes, strict=True):
            own.append(_row(split, wrong, labels, slice(None), None))
            for length in np.unique(split.lengths):
                own.append(_row(split, wrong, labels, split.lengths == length, int(length)))
    return rows, {"mistakes": examples(pack, dataset, every, device)}


def _row(split: Split, wrong: np.ndarray, labels: np.ndarray, chosen, length: int | None) -> dict:
    wrong, labels = wrong[chosen], labels[chosen]
    return {
        "bin": split.bin,
        "length": length,
        "strings": len(wrong),
        "sequence_accuracy": float((wrong == 0).mean()),
        "position_accuracy": float(1 - wrong.sum() / max(labels.sum(), 1)),
    }
