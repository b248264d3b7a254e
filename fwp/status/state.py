"""What is known of an experiment at one moment; and as JSON, which `schema.yaml` describes."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from fwp.results.heartbeat import Heartbeat
from fwp.results.job_state import JobState, RunState
from fwp.results.record import STATUSES
from fwp.status.failures import Failure
from fwp.status.own import STATES as OWN
from fwp.status.own import OwnState
from fwp.status.remaining import Left
from fwp.status.run import Run
from fwp.status.slurm import Queue, SlurmJob

VERSION = 1
"""Of the JSON: raised when a key changes its meaning or goes. Keys may be added without that."""
UNFINISHED = ("running", "trained", "outdated", "failed", "damaged", "interrupted", "waiting")


@dataclass
class SearchState:
    """What is known of the search for the settings of a cell.

    Attributes:
        state: waiting, running, interrupted, failed or done.
        trials: runs that are finished, of `of` at most.
    """

    model: str
    task: str
    state: str
    trials: int
    of: int | None
    log: str
    error: str | None = None
    beat: Heartbeat | None = None


@dataclass
class Status:
    """How far an experiment is.

    Attributes:
        time: of looking, seconds since 1970.
        models, tasks: in the order of the config.
        kinds: strings, text or translation, by task.
        jobs: every job that trains, with its runs.
        times: of jobs that run, seconds until their budgets are used up, by folder.
        failures: alike ones as one.
        left: None where nobody knows yet, and if there is nothing left to do.
        run: the run of Snakemake that began last; None if none has left word.
        queue: of Slurm; None if it was not asked.
        experiments: those beside the grid, such as `pomdp`. Without a grid that is asked for,
            models, tasks and jobs are empty.
    """

    time: float
    results: str
    models: list[str]
    tasks: list[str]
    kinds: dict[str, str]
    jobs: list[JobState]
    times: dict[Path, float]
    searches: list[SearchState]
    failures: list[Failure]
    left: Left | None
    run: Run | None
    queue: Queue | None
    experiments: list[OwnState] = field(default_factory=list)

    def counts(self) -> Counter[str]:
        """Number of runs by state."""
        return Counter(run.state for job in self.jobs for run in job.runs.values())

    @cached_property
    def running(self) -> list[JobState]:
        """The jobs that run."""
        return [job for job in self.jobs if job.state == "running"]

    def slurm_job(self, job: JobState) -> SlurmJob | None:
        """The Slurm job of a cell, as far as it is in the queue."""
        if self.queue is None:
            return None
        told = job.beat.slurm if job.beat is not None else None
        rules = ("evaluate", "train") if job.stage == "evaluate" else ("train", "evaluate")
        found = (self.queue.of(r, job.task, job.model, job.folder.name, id=told) for r in rules)
        return next((own for own in found if own is not None), None)

    def as_dict(self) -> dict:
        """Plain builtins, ready for JSON, without NaN; `fwp/status/schema.yaml` describes them."""
        counts = self.counts()
        return {
            "version": VERSION,
            "time": self.time,
            "results": self.results,
            "counts": {
                "runs": counts.total(),
                "done": sum(counts[state] for state in STATUSES),
                **{state: counts[state] for state in (*STATUSES, *UNFINISHED)},
            },
            "left": None if self.left is None else asdict(self.left),
            "run": None if self.run is None else asdict(self.run) | {"alive": self.run.alive()},
            "jobs": [_job(self, job) for job in self.jobs],
            "searches": [_search(self, search) for search in self.searches],
            "experiments": [
                {
                    "name": own.name,
                    "runs": own.counts.total(),
                    **{state: own.counts[state] for state in OWN},
                }
                for own in self.experiments
            ],
            "failures": [asdict(failure) for failure in self.failures],
            "slurm": _slurm(self),
        }


def _job(status: Status, job: JobState) -> dict[str, Any]:
    return {
        "task": job.task,
        "model": job.model,
        "group": job.folder.name,
        "state": job.state,
        "stage": job.stage,
        "folder": str(job.folder),
        "log": str(job.log),
        "error": job.damage or job.error,
        **_process(status, job, job.state == "running"),
        "left": status.times.get(job.folder),
        "runs": [_run(seed, run) for seed, run in job.runs.items()],
    }


def _process(status: Status, job: JobState | SearchState, running: bool) -> dict[str, Any]:
    """Where a job runs or ran last, since when, and what Slurm says of it."""
    beat = job.beat
    queued = status.slurm_job(job) if isinstance(job, JobState) else None
    elapsed = None
    if running and beat is not None and beat.started is not None:
        elapsed = max(0.0, status.time - beat.started)
    return {
        "pid": None if beat is None else beat.pid,
        "host": None if beat is None else beat.host,
        "device": None if beat is None else beat.device,
        "slurm": beat.slurm if queued is None and beat is not None else queued and queued.id,
        "slurm_state": queued and queued.state,
        "slurm_reason": queued and queued.reason,
        "heard": None if beat is None else beat.time,
        "elapsed": elapsed,
    }


def _run(seed: int, run: RunState) -> dict[str, Any]:
    known = run.known
    rate = None
    if run.state == "running" and known is not None and known.seconds and known.strings:
        rate = known.strings / known.seconds
    return {
        "seed": seed,
        "state": run.state,
        "epoch": run.epoch,
        "epochs": run.epochs,
        "accuracy": list(run.accuracy),
        "loss": None if known is None else known.loss,
        "seconds": run.seconds if known is None or known.seconds is None else known.seconds,
        "strings_per_second": rate,
    }


def _search(status: Status, search: SearchState) -> dict[str, Any]:
    names = ("task", "model", "state", "trials", "of", "log", "error")
    told = {name: getattr(search, name) for name in names}
    return told | _process(status, search, search.state == "running")


def _slurm(status: Status) -> dict[str, Any] | None:
    queue = status.queue
    if queue is None:
        return None
    return {
        "states": queue.counts(),
        "pending": queue.reasons(),
        "jobs": [asdict(job) for job in queue.jobs],
        "error": queue.error,
    }
