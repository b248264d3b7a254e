"""The run of Snakemake that works on the results: where and since when, and whether it still does.

Its process writes `run.json` into the results folder when it begins and when it ends. Read by
`fwp status`, which estimates the time left by the number of jobs that run at a time.
"""

import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from fwp.results.heartbeat import CLOCK, process_start
from fwp.utils.files import write_json

FILE = "run.json"


@dataclass(frozen=True)
class Run:
    """A run of Snakemake.

    Attributes:
        state: running, done or failed.
        began: seconds since 1970; and when it `ended`.
        slots: how many jobs that train it runs at a time; None on a cluster.
        executor: local, slurm or another of Snakemake's.
        folder: where it was started.
        started: when its process was started.
    """

    state: str
    began: float
    slots: int | None
    executor: str
    folder: str
    pid: int
    host: str
    started: float | None = None
    ended: float | None = None

    def alive(self) -> bool:
        """Whether it goes on; one on another machine does until it says otherwise."""
        if self.state != "running":
            return False
        if self.host != socket.gethostname():
            return True
        found = process_start(self.pid)
        return found is not None and (self.started is None or abs(found - self.started) < CLOCK)


def begin(results: str | Path, *, slots: int | None, executor: str) -> None:
    """Say that this process runs jobs now; a folder that cannot be written is the jobs' concern."""
    pid = os.getpid()
    place = {"folder": str(Path.cwd()), "pid": pid, "host": socket.gethostname()}
    run = Run("running", time.time(), slots, executor, **place, started=process_start(pid))
    _write(results, run)


def end(results: str | Path, state: str) -> None:
    """Say that the run of this process is over: done or failed."""
    run = read_run(results)
    if run is not None and run.pid == os.getpid():
        _write(results, Run(**asdict(run) | {"state": state, "ended": time.time()}))


def _write(results: str | Path, run: Run) -> None:
    with suppress(OSError):
        write_json(Path(results, FILE), asdict(run), flush=False)


def read_run(results: str | Path) -> Run | None:
    """The run that wrote the file last; None if there is none that can be understood."""
    try:
        found = json.loads(Path(results, FILE).read_bytes())
        run = Run(**{field.name: found.get(field.name) for field in fields(Run)})
        numbers = (run.began, run.pid)
        words = (run.state, run.executor, run.folder, run.host)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    right = all(isinstance(x, int | float) for x in numbers)
    return run if right and all(isinstance(x, str) for x in words) else None
