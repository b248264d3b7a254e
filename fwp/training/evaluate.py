"""Accuracy on the test strings, which reach far beyond the training lengths.

Those longer than the validation strings had no part in any choice. Shorter ones had none either,
unless the language has so few strings that the sets overlap (see `fwp.datasets.sampling`).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import nn

from fwp.datasets.dataset import Dataset, Split, load_dataset
from fwp.datasets.spec import DatasetSpec
from fwp.experiment.cell import TrainedCell
from fwp.models.contract import require_contract
from fwp.models.pack import Pack
from fwp.models.weights import load_trained_model
from fwp.results.integrity import check_file, read_sealed, write_sealed
from fwp.training import machine
from fwp.training.evaluator import Evaluator
from fwp.utils import devices
from fwp.utils.denormals import flushing_denormals
from fwp.utils.files import write_rows

COLUMNS = (
    "task",
    "model",
    "seed",
    "status",
    "bin",
    "length",
    "strings",
    "sequence_accuracy",
    "position_accuracy",
)


@flushing_denormals()
def evaluate(models: Sequence[nn.Module], dataset: Dataset, *, device: str = "cpu") -> list[list]:
    """Accuracies of models of one shape on the test bins, a list of rows for each model.

    There is one row per bin (`length` None) and one per length within it. A row holds bin
    ("51-100"), length, strings, sequence_accuracy (share of strings with every position right) and
    position_accuracy (share of positions right), both in [0, 1].
    """
    pack = Pack([model.to(device) for model in models])
    pack.train(False)
    for model in models:
        require_contract(model, len(dataset.alphabet), device=device)
    rows = [[] for _ in models]
    for split in dataset.test:
        mistakes = (
            Evaluator(split, device=device, models=pack.size).errors_per_string(pack).cpu().numpy()
        )
        labels = np.add.reduceat(split.targets >= 0, split.offsets[:-1], dtype=np.int64)
        for own, wrong in zip(rows, mistakes, strict=True):
            own.append(_row(split, wrong, labels, slice(None), None))
            for length in np.unique(split.lengths):
                own.append(_row(split, wrong, labels, split.lengths == length, int(length)))
    return rows


def _row(split: Split, wrong: np.ndarray, labels: np.ndarray, chosen, length: int | None) -> dict:
    wrong, labels = wrong[chosen], labels[chosen]
    return {
        "bin": split.bin,
        "length": length,
        "strings": len(wrong),
        "sequence_accuracy": float((wrong == 0).mean()),
        "position_accuracy": float(1 - wrong.sum() / max(labels.sum(), 1)),
    }


def evaluate_cell(
    cell: TrainedCell,
    *,
    runs: list[dict],
    dataset: str | Path,
    weights: str | Path,
    output: str | Path,
    record: str | Path,
    sha256: str | None = None,
    spec: DatasetSpec | None = None,
    device: str = "auto",
    pack: int | None = None,
) -> None:
    """Evaluate every seed of a trained cell and write `output`, a CSV of the `COLUMNS`.

    A record is written too: of which weights and strings the accuracies are, and who measured them.

    Args:
        cell: model and task.
        runs: the runs of its record (cell.json): seed and status of each.
        dataset: the task's dataset file.
        weights: the cell's weights file.
        output: where the accuracies go, one row per seed × bin and per seed × length.
        record: where the record goes (JSON), into the same folder; cell.json is there already.
        sha256: of the weights file, by cell.json.
        spec: what the test strings must have been drawn from.
        device: auto, cpu or cuda.
        pack: how many seeds are evaluated at a time; None for all on a GPU, one on a CPU.
    """
    device = devices.pick(device)
    data = load_dataset(dataset, cell.task, spec=spec, kinds=("test",))
    pack = pack or (len(runs) if device == "cuda" else 1)
    rows = []
    for begin in range(0, len(runs), pack):
        chosen = runs[begin : begin + pack]
        with devices.explaining_memory(len(chosen)):
            models = [
                load_trained_model(
                    cell.model, data, weights, seed=run["seed"], dtype=cell.dtype, sha256=sha256
                )
                for run in chosen
            ]
            results = evaluate(models, data, device=device)
        for run, own in zip(chosen, results, strict=True):
            facts = cell.names | {"seed": run["seed"], "status": run["status"]}
            rows += [facts | row for row in own]
    write_rows(output, COLUMNS, rows)
    facts = {"seeds": [run["seed"] for run in runs], "config": cell.as_dict()}
    facts |= {"dataset": data.hash, "machine": machine.describe(device)}
    write_sealed(record, cell.names | facts, (_trained(record), output))


def is_evaluated(
    cell: TrainedCell, *, dataset: str | Path, output: str | Path, record: str | Path
) -> bool:
    """Whether the files are there that `evaluate_cell` would write, given the same arguments."""
    try:
        found = read_sealed(record)
        for file in (_trained(record), output):
            check_file(file, found, record)
        return (found["config"], found["dataset"]) == (cell.as_dict(), load_dataset(dataset).hash)
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _trained(record: str | Path) -> Path:
    """The record of the training, beside that of the evaluation."""
    return Path(record).with_name("cell.json")
