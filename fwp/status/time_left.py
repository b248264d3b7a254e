"""The time left in words: on the board, and in what Snakemake prints while it runs."""

import time
from pathlib import Path

from fwp.report import labels
from fwp.status.pace import duration
from fwp.status.remaining import Left
from fwp.status.snapshot import Watcher
from fwp.status.state import Status

NAMED = 3  # models whose speed nobody knows
EVERY = 10.0  # seconds between two looks of a run at itself, and
SHARE = 0.02  # of its time that they may take


def about(left: Left) -> str:
    """The time alone."""
    return f"about {duration(left.seconds)} left"


def sentence(status: Status) -> str | None:
    """How long it will take, and how sure that is; None if nothing is to be said of it."""
    run, found = status.run, status.left
    going = run is not None and run.alive()
    begin = ""
    if run is not None and run.state == "running" and not going:
        begin = f"The run that began {duration(status.time - run.began)} ago was killed. "
    elif found is not None and run is not None and not going:
        begin = "No run is going on. "
    if found is None:
        done = all(job.state == "done" for job in status.jobs)
        done = done and all(own.done for own in status.experiments)
        pages = ["report.html"] if status.jobs else []
        pages += [f"{own.name}/{own.name}.md" for own in status.experiments]
        report = Path(status.results, pages[0])
        if begin or not done:
            return begin.strip() or None
        if going:
            return "Tables, figures and report are being made"
        return f"Open {report}" if report.is_file() else None
    text = f"{about(found)} ({_sure(status, found)})"
    return begin + (text.capitalize() if begin else text)


def _sure(status: Status, found: Left) -> str:
    """The range, what it follows from, and how many jobs are taken to run at a time."""
    low, high = duration(found.low), duration(found.high)
    parts = [f"{low} to {high}"] if low != high else []
    if found.measured:
        parts.append(f"by {found.measured} finished job{labels.plural(found.measured)}")
    else:
        parts.append("by the rates of running jobs" if status.times else "by typical speeds")
    parts.append(f"{found.slots} job{labels.plural(found.slots)} at a time")
    if found.unknown:
        names = ", ".join(map(labels.model, found.unknown[:NAMED]))
        more = ", …" * (len(found.unknown) > NAMED)
        parts.append(f"nothing finished yet of {names}{more}")
    return ", ".join(parts)


class Ticker:
    """Says again and again how long a run will still take, without holding it up.

    Args:
        experiment: what runs, in this process.
    """

    def __init__(self, experiment):
        self._watcher = Watcher(experiment, slurm=False)
        self._said, self._next = "", 0.0

    def __call__(self) -> str:
        """About how much time is left; "" where nobody knows yet."""
        before = time.monotonic()
        if before >= self._next:
            left = self._watcher.look().left
            self._said = about(left) if left is not None and left.measured else ""
            took = time.monotonic() - before
            self._next = time.monotonic() + max(EVERY, took / SHARE)
        return self._said
