"""Accuracy far beyond the training lengths, on test strings that had no part in any choice."""

import csv
from pathlib import Path

import numpy as np

from fwp import datasets, devices
from fwp.accuracy import count_mistakes
from fwp.datasets import Dataset, Split
from fwp.files import atomic
from fwp.model import SequenceModel, build
from fwp.weights import load_weights

COLUMNS = (
    *("task", "model", "seed", "status"),
    *("bin", "length", "strings", "sequence_accuracy", "position_accuracy"),
)


@devices.flushing_denormals()
def evaluate(model: SequenceModel, dataset: Dataset, *, device: str = "cpu") -> list[dict]:
    """Accuracies on the test bins: one row per bin (`length` None) and one per length within it.

    A row holds bin ("51-100"), length, strings, sequence_accuracy (share of strings with every
    position right) and position_accuracy (share of positions right), both in [0, 1].
    """
    rows = []
    for split in dataset.test:
        wrong = count_mistakes(model, split, device=device)
        rows.append(_row(split, wrong, slice(None), None))
        for length in np.unique(split.lengths):
            rows.append(_row(split, wrong, split.lengths == length, int(length)))
    return rows


def _row(split: Split, wrong: np.ndarray, chosen, length: int | None) -> dict:
    wrong, lengths = wrong[chosen], split.lengths[chosen]
    return {
        "bin": split.bin,
        "length": length,
        "strings": len(wrong),
        "sequence_accuracy": float((wrong == 0).mean()),
        "position_accuracy": float(1 - wrong.sum() / lengths.sum()),
    }


def evaluate_cell(
    cell: dict,
    *,
    runs: list[dict],
    dataset: str | Path,
    weights: str | Path,
    output: str | Path,
    device: str = "auto",
) -> None:
    """Evaluate every seed of a trained cell and write `output`, a CSV of the `COLUMNS`.

    Args:
        cell: the resolved cell.
        runs: the runs of its record (cell.json): seed and status of each.
        dataset: the task's dataset file.
        weights: the cell's weights file.
        output: where the accuracies go, one row per seed × bin and per seed × length.
        device: auto, cpu or cuda.
    """
    device = devices.pick(device)
    data = datasets.load(dataset)
    names = {"task": cell["task"]["name"], "model": cell["model"]["name"]}
    with atomic(output) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for run in runs:
            seed = run["seed"]
            model = build(cell["model"], data, seed=seed, dtype=cell["training"]["dtype"])
            load_weights(model, weights, seed)
            model.to(device)
            for row in evaluate(model, data, device=device):
                writer.writerow(names | {"seed": seed, "status": run["status"]} | row)
