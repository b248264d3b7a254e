"""A `Status` as plain builtins: what `fwp status --json` prints, described by `schema.yaml`."""

from dataclasses import asdict
from typing import Any

from fwp.results.job_state import JobState, RunState
from fwp.results.record import STATUSES
from fwp.status.snapshot import SearchState, Status

VERSION = 1
"""Raised when a key changes its meaning or goes. Keys may be added without that."""


def as_dict(status: Status) -> dict[str, Any]:
    """Plain builtins, ready for JSON, without NaN. Times are seconds; moments since 1970."""
    counts = status.counts()
    return {
        "version": VERSION,
        "time": status.time,
        "results": status.results,
        "counts": {
            "runs": counts.total(),
            "done": sum(counts[state] for state in STATUSES),
            **{state: counts[state] for state in (*STATUSES, *_STATES)},
        },
        "left": None if status.left is None else asdict(status.left),
        "run": None if status.run is None else asdict(status.run) | {"alive": status.run.alive()},
        "jobs": [_job(status, job) for job in status.jobs],
        "searches": [_search(status, search) for search in status.searches],
        "failures": [asdict(failure) for failure in status.failures],
        "slurm": _slurm(status),
    }


_STATES = ("running", "trained", "outdated", "failed", "damaged", "interrupted", "waiting")


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
