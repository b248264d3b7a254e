"""How fast models are on this machine, by the cells of an experiment that are finished."""

import json
import platform
from collections.abc import Iterable
from functools import cache
from itertools import islice
from pathlib import Path
from statistics import median

from fwp.experiment import speeds
from fwp.experiment.cell import Cell
from fwp.experiment.experiment import Experiment
from fwp.experiment.work import epoch

CELLS = 3  # finished ones of a model whose seconds are looked at


def factors(experiment: Experiment, models: Iterable[str]) -> dict[str, float]:
    """How many times as long as by the table of `speeds` models take here, where that is known."""
    seen = {model: _measured(experiment, model) for model in models}
    found = [factor for factor in seen.values() if factor is not None]
    usual = median(found) if found else speeds.slowness()
    known = {model: usual for model in seen if _in_table(experiment, model)}
    return known | {model: factor for model, factor in seen.items() if factor is not None}


def _in_table(experiment: Experiment, model: str) -> bool:
    cell = experiment.cell(model, experiment.tasks[0])
    return cell.model.mixer in speeds.SPEEDS and cell.training.gradient == "bptt"


def _measured(experiment: Experiment, model: str) -> float | None:
    """By finished cells of a model; None if there are none of these settings from this CPU."""
    found = []
    for task in experiment.tasks:
        cell, dataset = experiment.cell(model, task), experiment.dataset(task)
        folder = Path(experiment.results, "cells", task, model)
        for path in islice(folder.glob("*/cell.json"), 1):
            if (seconds := _seconds_per_epoch(path, cell)) is not None:
                found.append(seconds / epoch(cell, dataset))
        if len(found) == CELLS:
            break
    return median(found) if found else None


def _seconds_per_epoch(path: Path, cell: Cell) -> float | None:
    """Of a finished cell, if it is trained like `cell` and on a CPU like this."""
    try:
        record = json.loads(path.read_bytes())
        model, training = (record["config"][part] for part in ("model", "training"))
        alike = model == cell.model.as_dict() and all(
            training[key] == getattr(cell.training, key)
            for key in ("batch_size", "gradient", "dtype")
        )
        cpu = record.get("machine", {}).get("cpu", "")
        if not alike or record["device"] != "cpu" or cpu not in _cpu():
            return None
        epochs = sum(run["epochs"] for run in record["runs"])
        return sum(run["seconds"] for run in record["runs"]) / epochs
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ZeroDivisionError):
        return None  # damaged: told by the job that needs it


@cache
def _cpu() -> str:
    """Text that holds the name of this machine's processor."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = f"{platform.processor()} {platform.machine()}"
    return " ".join(text.split())
