"""Error control of a trained cell: what its states do along the longest test strings, by seed."""

import math
from collections.abc import Sequence
from pathlib import Path

from fwp import languages
from fwp.analysis.affine import is_affine
from fwp.analysis.error_control import follow
from fwp.analysis.movement import movement
from fwp.datasets.dataset import load_dataset
from fwp.datasets.spec import DatasetSpec
from fwp.experiment.cell import TrainedCell
from fwp.languages._machine import of_language
from fwp.models.sequence_model import build_model
from fwp.models.weights import load_trained_model
from fwp.utils import devices
from fwp.utils.files import write_json


def control_cell(
    cell: TrainedCell,
    *,
    runs: Sequence[dict],
    training: int,
    strings: int,
    dataset: str | Path,
    weights: str | Path,
    sha256: str | None = None,
    spec: DatasetSpec | None = None,
    output: str | Path,
    device: str = "auto",
) -> None:
    """Measure every seed of a trained cell and write what is found as JSON.

    Args:
        cell: model and task; the language must have a finite automaton.
        runs: of its record.
        training: longest training length.
        strings: how many test strings to read, the longest first.
        dataset: the task's test strings.
        weights: the cell's weights file.
        sha256: of that file, by the cell's record.
        spec: what the test strings were drawn from.
        output: {"task", "model", "states": of the minimal automaton, "training", "length": of the
            longest string, "seeds": [{"seed", "status", "affine", "along" and "first_errors" as
            `follow` returns them, with None for NaN and infinity, "moved" and "clusters" as
            `movement` does of the trained weights, "moved_untrained" and "clusters_untrained" of
            the initial ones}]}.
        device: auto, cpu or cuda.

    Raises:
        ValueError: the language has no finite automaton.
    """
    device = devices.pick(device)
    data = load_dataset(dataset, cell.task, spec=spec, kinds=("test",))
    machine = of_language(languages.get(cell.task.language, **cell.task.params))
    if machine is None:
        raise ValueError(f"{cell.task.name}: {cell.task.language} has no finite automaton")
    split, seeds = data.test[-1], []
    for run in runs:
        model = load_trained_model(
            cell.model, data, weights, seed=run["seed"], dtype=cell.dtype, sha256=sha256
        )
        affine = is_affine(model)
        read = {"split": split, "machine": machine, "alphabet": data.alphabet, "device": device}
        along, first_errors = (
            ([], [])
            if affine is None
            else follow(model, training=training, strings=strings, **read)
        )
        moved, clusters = movement(model, training=training, **read)
        facts = {"seed": run["seed"], "status": run["status"], "affine": affine}
        facts |= {"along": [_written(row) for row in along], "first_errors": first_errors}
        facts |= {"moved": moved, "clusters": clusters}
        if moved:
            untrained = build_model(cell.model, data, seed=run["seed"], dtype=cell.dtype)
            moved, clusters = movement(untrained, training=training, **read)
            facts |= {"moved_untrained": moved, "clusters_untrained": clusters}
        seeds.append(facts)
    found = cell.names | {"states": len(machine), "training": training}
    write_json(output, found | {"length": int(split.lengths.max()), "seeds": seeds})


def _written(row: dict) -> dict:
    """JSON has no numbers for what is not finite."""
    return {key: value if math.isfinite(value) else None for key, value in row.items()}
