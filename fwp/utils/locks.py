"""One job at a time for a cell.

If Snakemake is killed, its jobs may live on, on a cluster above all; started again, it submits them
a second time. The second job of a cell waits for the first, finds its files, or goes on from its
checkpoint.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fwp.utils import signals


@contextmanager
def cell_lock(folder: str | Path, *, poll: float = 2.0) -> Iterator[None]:
    """Hold the lock of the cell whose files lie in `folder`; wait for it, and say so, if need be.

    The kernel (or the server, on NFS, GPFS or Lustre) keeps the lock and drops it when the process
    or its machine dies, so that a dead owner blocks nobody. Where a file system keeps locks to one
    machine (BeeGFS, by default), two jobs on two machines both train the cell; each file is written
    in one piece all the same.

    Args:
        folder: is made if it is not there.
        poll: seconds between two attempts.
    """
    with signals.deferred():
        from filelock import FileLock, Timeout  # here: planning jobs does without

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    with suppress(Timeout):
        lock.acquire(timeout=0)
    if not lock.is_locked:
        owner = _owner(folder)
        print(f"{folder}: {owner} is at work on this cell: waiting for it", flush=True)
        try:
            lock.acquire(poll_interval=poll)
        except KeyboardInterrupt:
            print(f"{folder}: interrupted while waiting for {owner}", flush=True)
            raise
    try:
        yield
    finally:
        # Before it is released: whoever waits notices that the file is gone and makes a new one.
        with suppress(OSError):
            Path(lock.lock_file).unlink()
        lock.release()


def _owner(folder: Path) -> str:
    try:
        found = json.loads((folder / "progress.json").read_bytes())
        return f"process {found['pid']} on {found['host']}"
    except (OSError, ValueError, LookupError, TypeError):
        return "another job"
