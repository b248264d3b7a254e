"""The jobs of a run on Slurm, by `squeue`: which run, which wait and why.

A controller that is slow or away must not hold up the board. So `squeue` runs aside, is given two
seconds, and what it said last counts until it says something else.
"""

import os
import shutil
import subprocess
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE = 2.0  # seconds that squeue may take
EVERY = 10.0  # seconds between two queries, and
AFTER_ERROR = 60.0  # after one that failed
FIELDS = ("%i", "%T", "%r", "%N", "%Z", "%k")  # number, state, reason, nodes, folder, comment


@dataclass(frozen=True)
class SlurmJob:
    """A job in Slurm's queue.

    Attributes:
        state: as Slurm names it: PENDING, RUNNING, COMPLETING and so on.
        reason: why it waits; "None" if it does not.
        nodes: where it runs.
        comment: Snakemake's rule and wildcards, such as rule_train_wildcards_parity_lstm_seed-0.
    """

    id: str
    state: str
    reason: str
    nodes: str
    comment: str


@dataclass
class Queue:
    """What squeue said.

    Attributes:
        jobs: of this user that were submitted from the folder of the run.
        error: one line, if there was no answer; `jobs` are then those of the last one.
    """

    jobs: list[SlurmJob] = field(default_factory=list)
    error: str | None = None

    def counts(self) -> dict[str, int]:
        """Number of jobs by state."""
        return dict(Counter(job.state for job in self.jobs))

    def reasons(self) -> dict[str, int]:
        """Number of pending jobs by the reason why they wait."""
        return dict(Counter(job.reason for job in self.jobs if job.state == "PENDING"))

    def of(self, *names: str, id: str | None = None) -> SlurmJob | None:
        """The job of that number, or else of a rule and its wildcards, in Snakemake's order."""
        rule, *wildcards = names
        comment = "_".join((f"rule_{rule}_wildcards", *wildcards))
        found = [job for job in self.jobs if job.id == id]
        found += [job for job in self.jobs if job.comment == comment]
        return found[0] if found else None


class Squeue:
    """Asks squeue now and then.

    Args:
        folder: where the run was started; jobs of other folders are none of its.
    """

    def __init__(self, folder: str | Path):
        self.folder = str(folder)
        self.queue: Queue | None = None
        self._next = 0.0
        self._thread: threading.Thread | None = None

    @staticmethod
    def there() -> bool:
        """Whether this machine has the program."""
        return shutil.which("squeue") is not None

    def look(self, *, wait: bool = False) -> Queue | None:
        """What squeue said last; None if it has not answered yet.

        Args:
            wait: for an answer, if there is none yet, as long as squeue may take.
        """
        asking = self._thread is not None and self._thread.is_alive()
        if not asking and time.monotonic() >= self._next:
            self._thread = threading.Thread(target=self._ask, daemon=True)
            self._thread.start()
        if wait and self.queue is None and self._thread is not None:
            self._thread.join(PATIENCE + 0.5)
        return self.queue

    def _ask(self) -> None:
        try:
            queue = Queue(query(self.folder))
            self._next = time.monotonic() + EVERY
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            before = [] if self.queue is None else self.queue.jobs
            queue = Queue(before, _reason(error))
            self._next = time.monotonic() + AFTER_ERROR
        self.queue = queue


def query(folder: str) -> list[SlurmJob]:
    """Ask squeue for this user's jobs of a folder.

    Raises:
        OSError, ValueError, subprocess.SubprocessError: there is no answer that can be understood.
    """
    command = ["squeue", f"--user={os.getuid()}", "--noheader", f"--format={'|'.join(FIELDS)}"]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=PATIENCE, errors="replace"
    )
    found = []
    for line in done.stdout.splitlines():
        id, state, reason, nodes, place, comment = line.split("|", len(FIELDS) - 1)
        if place == folder:
            found.append(SlurmJob(id, state, reason, nodes, comment.strip()))
    return found


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"squeue has not answered within {PATIENCE:g} s"
    if isinstance(error, subprocess.CalledProcessError) and error.stderr:
        return f"squeue: {error.stderr.strip().splitlines()[-1]}"
    return f"squeue: {error}"
