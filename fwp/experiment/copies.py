"""Results that were copied without the times of their files.

Snakemake goes by times: what is older than its input is computed again. After a copy that does not
keep times, that would be every cell, and of parts from several machines, some of them. Hashes tell
what is finished. So the times of finished files are put in order, and of those alone. Snakemake
counts the benchmark of a job as its output.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from fwp.datasets.dataset import DatasetError, stored_hash
from fwp.experiment.experiment import Experiment, TrainJob
from fwp.results.chosen import agrees
from fwp.results.integrity import ResultsError, check_file, read_sealed
from fwp.results.record import TRAINED, read_evaluation, read_record


def put_times_in_order(experiment: Experiment) -> int:
    """Make finished files newer than what they were made from, where only their times say no.

    Returns:
        The number of cells whose times were changed.
    """
    for task in experiment.tasks:
        _strings(Path(experiment.results, "data", task))
    return sum(_cell(experiment, job) for job in experiment.jobs())


def _strings(folder: Path) -> None:
    """Test strings and card are made after the training strings."""
    train, card = folder / "train.npz", folder / "card.json"
    made = [folder / "test.npz", card, *_there(folder / "test.benchmark.tsv")]
    try:
        if _newest([train]) <= _oldest(made):
            return
        record = read_sealed(card)
        for file in (train, made[0]):
            check_file(file, record, card)
        _touch(made, _newest([train]))
    except (OSError, ResultsError):
        return  # Snakemake finds out


def _cell(experiment: Experiment, job: TrainJob) -> bool:
    strings, folder = Path(experiment.results, "data", job.task), Path(job.directory)
    train, test, own = strings / "train.npz", strings / "test.npz", folder / "cell.json"
    weights = [folder / name for name in TRAINED]
    trained = [own, *weights, *_there(folder / "train.benchmark.tsv")]
    measured = [folder / "evaluation.json", folder / "accuracy.csv"]
    measured += _there(folder / "evaluate.benchmark.tsv")
    chosen = _searched(experiment, job)
    try:
        if (
            (not chosen or _newest([train]) <= _oldest(chosen))
            and _newest([train, *chosen]) <= _oldest(trained)
            and _newest([test, *trained]) <= _oldest(measured)
        ):
            return False
        record, evaluation = read_record(own), read_evaluation(measured[0])
        for file in weights:
            check_file(file, record, own)
        if not (
            experiment.is_current(job.model, job.task, record["config"])
            and record["dataset"] == stored_hash(train)
            and agrees(evaluation["config"], experiment.evaluate_params(job.model, job.task))
            and evaluation["dataset"] == stored_hash(test)
        ):
            return False
        _touch(chosen, _newest([train]))
        _touch(trained, _newest([train, *chosen]))
        _touch(measured, _newest([test, *trained]))
    except (OSError, KeyError, ResultsError, DatasetError):
        return False  # Snakemake finds out
    return True


def _searched(experiment: Experiment, job: TrainJob) -> list[Path]:
    """What the search of a cell has left; the cell is finished only if it was trained so."""
    if not experiment.searched(job.model, job.task):
        return []
    folder = Path(experiment.search_dir(job.task, job.model))
    names = ("chosen.json", "trials.csv", "search.benchmark.tsv")
    return [path for name in names for path in _there(folder / name)]


def _there(path: Path) -> list[Path]:
    return [path] if path.exists() else []


def _newest(files: Iterable[Path]) -> int:
    return max(file.stat().st_mtime_ns for file in files)


def _oldest(files: Iterable[Path]) -> int:
    return min(file.stat().st_mtime_ns for file in files)


def _touch(files: Iterable[Path], time: int) -> None:
    """Make files at least as new as a time, in nanoseconds since 1970."""
    for file in files:
        if file.stat().st_mtime_ns < time:
            os.utime(file, ns=(time, time))
