"""The search of one model on one task: draw trials, train them, choose.

The trial with the highest mean accuracy on validation strings is chosen. Of equal ones it is the
one that needed fewer epochs, then the one with the lower loss, then the first. Test strings have no
part in it, and the seeds of trials are none that results are reported of.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fwp.config.settings import ModelSettings
from fwp.datasets.dataset import Dataset, load_dataset
from fwp.datasets.spec import DatasetSpec, TaskSettings
from fwp.experiment.cell import Cell
from fwp.models.budget import size, solve_width
from fwp.models.sequence_model import build_model
from fwp.results.chosen import settled, write_chosen
from fwp.search.sampling import Sampler
from fwp.search.seeds import trial_seeds
from fwp.search.settings import SearchSettings
from fwp.training.trials import Trial, TrialRun, Trials
from fwp.utils import devices, signals
from fwp.utils.bins import accuracy_column
from fwp.utils.files import write_rows

FACTS = ("status", "epochs", "best_epoch", "selection", "inductive", "expressive", "loss")
"""Columns of trials.csv that hold facts of a `TrialRun` of the same name."""


def search_cell(
    cell: Mapping[str, Any],
    search: SearchSettings,
    *,
    dataset: str | Path,
    chosen: str | Path,
    table: str | Path,
    spec: DatasetSpec | None = None,
    device: str = "auto",
    pack: int | None = None,
) -> dict[str, Any]:
    """Search the settings of a cell, and write which were chosen and what was tried.

    Finished runs are kept beside `chosen`. So a search that is repeated with more trials, or after
    it was killed, trains only what is missing.

    Args:
        cell: a `Cell` as a plain dict; what it says of settings in the space does not matter.
        search: space, sampler and so on.
        dataset: the task's dataset file, of which training and validation strings are used.
        chosen: where the chosen settings go (JSON).
        table: where the trials go (CSV), one row per trial × seed.
        spec: what the strings must have been drawn from.
        device: auto, cpu or cuda.
        pack: runs that are trained at a time, at most; by default one on a CPU.

    Returns:
        The chosen settings, {dotted key: value}.

    Raises:
        ValueError: no width fits the budget.
    """
    device = devices.pick(device)
    task = TaskSettings.from_dict(cell["task"])
    data = load_dataset(dataset, task, spec=spec, kinds=("train", "validation"))
    trials = Trials(data, Path(chosen).parent, halving=search.halving, device=device, pack=pack)
    drawn: list[Trial] = []
    sampler = Sampler(
        search.dimensions,
        method=search.method,
        trials=search.trials,
        seed=search.seed,
        possible=lambda settings: _can_be_built(settled(cell, settings), search, data),
    )
    with signals.raising():
        while batch := sampler.ask():
            new = [_trial(number, settings, cell, search, data) for number, settings in batch]
            trials.run(new)
            for trial in new:
                sampler.tell(trial.number, trials.accuracy(trial))
            drawn += new
        runs = {trial.number: trials.runs(trial) for trial in drawn}
        best = min(drawn, key=lambda trial: _order(trial.number, runs[trial.number]))
        with signals.deferred():
            _write_table(table, drawn, runs, best, data)
            write_chosen(chosen, task.name, best.cell.model.name, best.settings)
            trials.clean()
    return dict(best.settings)


def _trial(
    number: int,
    settings: Mapping[str, Any],
    cell: Mapping[str, Any],
    search: SearchSettings,
    data: Dataset,
) -> Trial:
    """A trial of what the sampler drew; the budget decides its width."""
    settings = dict(settings)
    if search.budget is not None:
        drawn = ModelSettings.from_dict(settled(cell, settings | {"hidden": 1})["model"])
        settings["hidden"] = solve_width(
            drawn, search.budget, len(data.alphabet), len(data.classes)
        )
    seeds = tuple(trial_seeds(number, search.seeds))
    return Trial(number, settings, Cell.from_dict(settled(cell, settings)), seeds)


def _can_be_built(cell: Mapping[str, Any], search: SearchSettings, data: Dataset) -> bool:
    """Whether there is such a model: heads must divide the width, say."""
    if search.budget is not None:
        return True  # the width follows
    try:
        build_model(ModelSettings.from_dict(cell["model"]), data, seed=0, dtype="float32")
    except ValueError:
        return False
    return True


def _order(number: int, runs: Sequence[TrialRun]) -> tuple[float, ...]:
    """What trials are sorted by, the best first."""
    losses = [math.inf if run.loss is None else run.loss for run in runs]
    n = len(runs)
    return (
        -sum(run.selection for run in runs) / n,
        sum(run.best_epoch for run in runs) / n,
        sum(losses) / n,
        number,
    )


def _write_table(
    path: str | Path,
    trials: Sequence[Trial],
    runs: Mapping[int, Sequence[TrialRun]],
    best: Trial,
    data: Dataset,
) -> None:
    """Write trials.csv."""
    bins = [accuracy_column(split.bin) for split in data.validation]
    keys = sorted({key for trial in trials for key in trial.settings})
    rows = []
    for trial in trials:
        facts = size(trial.cell.model, len(data.alphabet), len(data.classes))._asdict()
        for seed, run in zip(trial.seeds, runs[trial.number], strict=True):
            names = trial.cell.names | {"trial": trial.number, "seed": seed}
            known = {fact: getattr(run, fact) for fact in FACTS} | run.accuracy
            known |= {"seconds": round(run.seconds, 2), "chosen": trial.number == best.number}
            rows.append(names | dict(trial.settings) | facts | known)
    columns = ["task", "model", "trial", "seed", *keys, "parameters", "state", *FACTS[:4], *bins]
    write_rows(path, [*columns, *FACTS[4:], "seconds", "chosen"], rows)
