"""How far jobs are.

Read from the records that finished cells leave (`cell.json`, `accuracy.csv`) and from the
`progress.json` that running jobs keep beside them.
"""

import csv
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path

from fwp.results.record import STATUSES, read_json

# A job on another machine that has not been heard of for so long (seconds) counts as interrupted.
SILENCE = 15 * 60


@dataclass
class RunState:
    """What is known of one seed.

    Attributes:
        state: a key of `fwp.status.board.STATES`.
        accuracy: of the shortest bins, in [0, 1]: of test strings if done, of validation strings
            before that.
        epoch: epochs trained so far, of `epochs`.
        epochs: the budget.
    """

    state: str = "waiting"
    accuracy: list[float] = field(default_factory=list)
    epoch: int | None = None
    epochs: int | None = None


@dataclass
class JobState:
    """What is known of the seeds that one job trains.

    Attributes:
        folder: where its record is kept.
        runs: per seed.
        stage: "train" or "evaluate", of the job that ran last.
        error: one line, if it failed.
        heard: when it was last heard of, seconds since 1970.
    """

    model: str
    task: str
    folder: Path
    runs: dict[int, RunState]
    stage: str = "train"
    error: str | None = None
    heard: float | None = None

    @property
    def log(self) -> Path:
        """The log of the stage."""
        return self.folder / f"{self.stage}.log"


def read_job(planned, params: dict, now: float) -> JobState:
    """Find out how far a job is; files that are missing or half written say nothing.

    Args:
        planned: a `fwp.experiment.experiment.TrainJob`.
        params: what decides the weights according to the config and the code as they are now.
        now: seconds since 1970.
    """
    folder = Path(planned.directory)
    job = JobState(
        planned.model, planned.task, folder, {seed: RunState() for seed in planned.seeds}
    )
    record, progress = read_json(folder / "cell.json"), read_json(folder / "progress.json")
    trained = {run["seed"]: run for run in (record or {}).get("runs", [])}
    outdated = record is not None and record.get("config") != params
    for seed in job.runs.keys() & trained.keys():
        job.runs[seed].state = "outdated" if outdated else "trained"
    if progress:
        job.stage, job.heard = progress.get("stage", "train"), progress.get("time")
        _apply_progress(job, progress, now)
    if any(run.state == "running" for run in job.runs.values()):
        return job
    accuracies = _test_accuracies(folder / "accuracy.csv", folder / "cell.json")
    for seed in job.runs.keys() & trained.keys() & accuracies.keys():
        run = job.runs[seed]
        run.state = "outdated" if outdated else trained[seed]["status"]
        run.accuracy, job.error = accuracies[seed], None
    return job


def _apply_progress(job: JobState, progress: dict, now: float) -> None:
    state = progress.get("state")
    if state == "running" and not _alive(progress, now):
        state = "interrupted"
    if state == "failed":
        job.error = progress.get("error") or "no message"
    for seed, facts in progress.get("seeds", {}).items():
        run = job.runs.get(int(seed))
        if run is None:
            continue
        run.accuracy = list(facts.get("accuracy", {}).values())
        run.epoch, run.epochs = facts.get("epoch"), facts.get("epochs")
        if state in ("failed", "interrupted"):
            run.state = state
        elif state == "running" and (job.stage == "evaluate" or facts.get("status") == "running"):
            run.state = "running"
        elif state == "running" and facts.get("status") in STATUSES:
            run.state = "trained"  # while the job's other seeds are still being trained


def _alive(progress: dict, now: float) -> bool:
    """Whether a job that says it runs still does."""
    if progress.get("host") == socket.gethostname() and progress.get("pid"):
        try:
            os.kill(int(progress["pid"]), 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # another user's process: it exists
            return True
        return True
    return now - progress.get("time", 0) < SILENCE


def _test_accuracies(path: Path, record: Path) -> dict[int, list[float]]:
    """Accuracy on each test bin, shortest first, per seed; empty if there is no such file yet.

    It is also empty if the weights have been trained again since.
    """
    found: dict[int, list[float]] = {}
    try:
        if path.stat().st_mtime < record.stat().st_mtime:
            return {}
        with path.open(newline="", encoding="utf-8") as file:
            # Rows of single lengths are a thousand times as many: leave them out unparsed.
            header = next(file, "")
            for row in csv.DictReader([header, *(line for line in file if ",," in line)]):
                if not row["length"]:
                    accuracy = float(row["sequence_accuracy"] or 0)
                    found.setdefault(int(row["seed"]), []).append(accuracy)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found
