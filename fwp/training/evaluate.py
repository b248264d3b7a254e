"""What trained models reach on test data: `fwp.training.evaluation` says what is measured."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from fwp.datasets.spec import DatasetSpec
from fwp.experiment.cell import TrainedCell
from fwp.models.contract import require_contract
from fwp.models.pack import Pack
from fwp.models.weights import load_trained_model
from fwp.results.integrity import check_file, read_sealed, write_sealed
from fwp.training import machine
from fwp.training.kind import Data, load_evaluation
from fwp.utils import devices
from fwp.utils.denormals import flushing_denormals
from fwp.utils.files import write_rows

NAMES = ("task", "model", "seed", "status")
"""First columns of accuracy.csv; those of the kind of task follow (`fwp.training.evaluation`)."""


@flushing_denormals()
def evaluate(models: Sequence[nn.Module], dataset: Data, *, device: str = "cpu") -> list[list]:
    """What models of one shape reach on test data, a list of rows for each model.

    The rows are those of `fwp.training.evaluation.strings`, or of the kind that the dataset is of.
    """
    return _measured(models, dataset, device)[0]


def _measured(models: Sequence[nn.Module], dataset: Data, device: str) -> tuple[list[list], dict]:
    pack = Pack([model.to(device) for model in models])
    pack.train(False)
    for model in models:
        require_contract(model, len(dataset.alphabet), device=device)
    return load_evaluation(dataset).measure(pack, dataset, device)


@flushing_denormals()
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
    """Evaluate every seed of a trained cell and write `output`, a CSV.

    A record is written too: of which weights and strings the accuracies are, and who measured them.

    Args:
        cell: model and task.
        runs: the runs of its record (cell.json): seed and status of each.
        dataset: the task's dataset file.
        weights: the cell's weights file.
        output: where the rows of every seed go: NAMES, and the columns of the kind of task.
        record: where the record goes (JSON), into the same folder; cell.json is there already.
        sha256: of the weights file, by cell.json.
        spec: what the test strings must have been drawn from.
        device: auto, cpu or cuda.
        pack: how many seeds are evaluated at a time; None for all on a GPU, one on a CPU.
    """
    device = devices.pick(device)
    kind = load_evaluation(cell.task)
    data = kind.load(dataset, cell.task, spec)
    pack = pack or (len(runs) if device == "cuda" else 1)
    rows, more, mistakes = [], {}, {}
    for begin in range(0, len(runs), pack):
        chosen = runs[begin : begin + pack]
        with devices.explaining_memory(len(chosen)):
            models = [
                load_trained_model(
                    cell.model, data, weights, seed=run["seed"], dtype=cell.dtype, sha256=sha256
                )
                for run in chosen
            ]
            results, found = _measured(models, data, device)
        if of_models := found.pop("mistakes", None):  # of strings
            seeds = (str(run["seed"]) for run in chosen)
            mistakes |= dict(zip(seeds, of_models, strict=True))
        more = found | more  # of the first models, where it is about some alone
        for run, own in zip(chosen, results, strict=True):
            facts = cell.names | {"seed": run["seed"], "status": run["status"]}
            rows += [facts | row for row in own]
    write_rows(output, (*NAMES, *kind.COLUMNS), rows)
    facts = {"seeds": [run["seed"] for run in runs], "config": cell.as_dict()}
    facts |= {"dataset": data.hash, "machine": machine.describe(device)} | more
    facts |= {"mistakes": mistakes} if mistakes else {}
    write_sealed(record, cell.names | facts, (_trained(record), output))


def is_evaluated(
    cell: TrainedCell, *, dataset: str | Path, output: str | Path, record: str | Path
) -> bool:
    """Whether the files are there that `evaluate_cell` would write, given the same arguments."""
    try:
        found = read_sealed(record)
        for file in (_trained(record), output):
            check_file(file, found, record)
        return (found["config"], found["dataset"]) == (
            cell.as_dict(),
            load_evaluation(cell.task).load(dataset).hash,
        )
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _trained(record: str | Path) -> Path:
    """The record of the training, beside that of the evaluation."""
    return Path(record).with_name("cell.json")
