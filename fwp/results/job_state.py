"""How far jobs are.

Read from the records that finished cells leave (`cell.json`, `accuracy.csv`) and from the
`progress.json` that running jobs keep beside them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fwp.results.heartbeat import Heartbeat, Known, read_heartbeat
from fwp.results.integrity import (
    MissingFile,
    OldRecord,
    ResultsError,
    check_file,
    facts,
    read_sealed,
)
from fwp.results.record import STATUSES, TRAINED, may_be_left_behind, read_record
from fwp.results.scores import read_scores


@dataclass
class RunState:
    """What is known of one seed.

    Attributes:
        state: a key of `fwp.status.board.STATES`.
        accuracy: of the shortest bins, in [0, 1]: of test strings if done, of validation strings
            before that. Of texts and translations: `fwp.results.scores`; before, the validation
            loss in bits.
        said: of texts and translations in training: loss, speed and time left, in words.
        epoch: epochs trained so far, of `epochs`.
        epochs: the budget.
        known: what a job that trains says of it, if one has said something.
        seconds: that training took, if it is over.
    """

    state: str = "waiting"
    accuracy: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    epoch: int | None = None
    epochs: int | None = None
    known: Known | None = None
    seconds: float | None = None


@dataclass
class JobState:
    """What is known of the seeds that one job trains.

    Attributes:
        folder: where its record is kept.
        runs: per seed.
        stage: "train" or "evaluate", of the job that ran last.
        error: one line, if it failed.
        damage: one line, if a file of its results is damaged or of something else.
        heard: when it was last heard of, seconds since 1970.
        beat: what it said then.
    """

    model: str
    task: str
    folder: Path
    runs: dict[int, RunState]
    stage: str = "train"
    error: str | None = None
    damage: str | None = None
    heard: float | None = None
    beat: Heartbeat | None = None

    @property
    def log(self) -> Path:
        """The log of the stage."""
        return self.folder / f"{self.stage}.log"

    @property
    def state(self) -> str:
        """Of the job as a whole: done, if all its runs are, else what most needs to be known."""
        found = {run.state for run in self.runs.values()}
        if found <= set(STATUSES):
            return "done"
        if "running" in found:
            return "running"
        if self.error is not None:
            return "failed"
        order = ("damaged", "interrupted", "waiting", "outdated", "trained")
        return next((state for state in order if state in found), "waiting")


def read_job(
    planned, current: Callable[[dict], bool], now: float, *, weights: bool = True
) -> JobState:
    """Find out how far a job is; files that are missing say nothing.

    Weights and histories are not read, but must be as long as the record says.

    Args:
        planned: a `fwp.experiment.experiment.TrainJob`.
        current: whether the `config` of a record is that of config and code as they are now.
        now: seconds since 1970.
        weights: whether a cell whose weights are not there is to be trained again. Where tables
            alone are wanted, they may have been left behind.
    """
    folder = Path(planned.directory)
    job = JobState(
        planned.model, planned.task, folder, {seed: RunState() for seed in planned.seeds}
    )
    record, outdated = _record(job, current, weights=weights)
    trained = {run["seed"]: run for run in (record or {}).get("runs", [])}
    for seed in job.runs.keys() & trained.keys():
        job.runs[seed].state = "outdated" if outdated else "trained"
        job.runs[seed].seconds = trained[seed].get("seconds")
        job.runs[seed].epoch = trained[seed].get("epochs")
    if record is not None and not outdated:
        for run in job.runs.values():
            run.epochs = record["config"].get("training", {}).get("epochs")
    if (beat := read_heartbeat(folder / "progress.json")) is not None:
        job.stage, job.heard, job.beat = beat.stage, beat.time, beat
        _apply(job, beat, now)
    if any(run.state == "running" for run in job.runs.values()):
        job.damage = None  # what is there is about to be replaced
        return job
    scores = _test_scores(job, record) if record is not None else {}
    for seed in job.runs.keys() & trained.keys() & scores.keys():
        run = job.runs[seed]
        run.state = "outdated" if outdated else trained[seed]["status"]
        run.accuracy, run.said, job.error = scores[seed], [], None
    if job.damage is not None:
        job.error = None
        for run in job.runs.values():
            run.state = "damaged"
    return job


def _record(
    job: JobState, current: Callable[[dict], bool], *, weights: bool
) -> tuple[dict | None, bool]:
    """The record of a trained cell, if there is one, and whether it is outdated.

    A cell of which the weights or the history were deleted is to be trained again.
    """
    path = job.folder / "cell.json"
    try:
        record = read_record(path)
        for name in TRAINED:
            if weights or not may_be_left_behind(job.folder / name):
                check_file(job.folder / name, record, path, whole=False)
    except MissingFile:
        return None, False
    except OldRecord:
        return {"runs": [{"seed": seed} for seed in job.runs]}, True
    except ResultsError as error:
        job.damage = str(error)
        return None, False
    return record, not current(record["config"])


def _apply(job: JobState, beat: Heartbeat, now: float) -> None:
    state = beat.state
    if state == "running" and not beat.alive(now):
        state = "interrupted"
    if state == "failed":
        job.error = beat.error or "no message"
    for seed, known in beat.seeds.items():
        run = job.runs.get(seed)
        if run is None:
            continue
        run.accuracy, run.said, run.known = known.accuracy, known.said, known
        if known.epoch is not None or run.seconds is None:
            run.epoch, run.epochs = known.epoch, known.epochs
        if state in ("failed", "interrupted"):
            run.state = state
        elif state == "running" and (job.stage == "evaluate" or known.status == "running"):
            run.state = "running"
        elif state == "running" and known.status in STATUSES:
            run.state = "trained"  # while the job's other seeds are still being trained


def _test_scores(job: JobState, record: dict) -> dict[int, list[float]]:
    """`read_scores` of the cell; empty if there is no such file yet.

    It is also empty if the weights have been trained again since.
    """
    path, evaluation = job.folder / "accuracy.csv", job.folder / "evaluation.json"
    try:
        known = read_sealed(evaluation)
        check_file(path, known, evaluation)
        if facts(job.folder / "cell.json") != known["files"].get("cell.json"):
            return {}
        params = record.get("config", {}).get("task", {}).get("params", {})
        return read_scores(path, params.get("context") or 0)
    except MissingFile:
        return {}
    except ResultsError as error:
        job.damage = str(error)
        return {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
