"""Runs scripts of jobs as forks of a process that has loaded PyTorch: `workflow/warm_worker.py`.

Snakemake starts that process when the first job begins, and holds a connection to it that nothing
else has. So it serves this run alone, and ends with it. A job can always do without: where anything
is amiss, it runs in a process of its own.
"""

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

SCRIPT = Path(__file__).with_name("warm_worker.py")


class Worker:
    """A running worker, and whether it has ever served."""

    def __init__(self, environment: Mapping[str, str], stdout):
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.served = False
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, str(SCRIPT), str(theirs.fileno())],
                env=dict(environment),
                stdout=stdout,
                pass_fds=[theirs.fileno()],
            )

    def send(self, request: bytes, connection: socket.socket) -> bool:
        """Hand a job over; False if the worker is gone."""
        try:
            socket.send_fds(self.control, [request], [connection.fileno()])
        except OSError:
            return False
        return True


class Workers:
    """The workers of this Snakemake: one for each environment that jobs have, one in the main."""

    def __init__(self):
        self._lock = threading.Lock()
        self._workers: dict[tuple, Worker] = {}
        self._hopeless: set[tuple] = set()

    def run(
        self,
        script: str,
        source: str,
        environment: Mapping[str, str],
        *,
        stdout=None,
        measured=None,
    ) -> int | None:
        """Run a script as `python script` would.

        Args:
            script: file to run.
            source: its text, or a part that has all its import statements.
            environment: variables of the job.
            stdout: as of `subprocess.Popen`.
            measured: given the job's process number, a context that is open while the job runs.

        Returns:
            The exit status, negative for a signal as of `subprocess`; None if the job was not run.
        """
        key = tuple(sorted(environment.items()))
        for _ in range(2):  # a worker that has seen an edit of the code leaves a new one its place
            mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with mine:
                with theirs:
                    worker = self._send(key, script, source, theirs, stdout)
                if worker is None:
                    return None
                if told := mine.recv(64):
                    worker.served = True
                    return _wait(mine, told.split(), measured)
            if (code := self._drop(key, worker)) in (-signal.SIGINT, -signal.SIGTERM):
                return code  # meant for the job too
        return None

    def _send(self, key, script, source, connection, stdout) -> Worker | None:
        told = {"script": script, "source": source, "folder": str(Path.cwd())}
        told |= {"time": time.monotonic()}
        request = json.dumps(told).encode()
        with self._lock:
            worker = self._workers.get(key)
            if worker is not None and worker.send(request, connection):
                return worker
            if key in self._hopeless:
                return None
            try:
                self._workers[key] = worker = Worker(dict(key), stdout)
            except OSError:
                self._hopeless.add(key)
                return None
            return worker if worker.send(request, connection) else None

    def _drop(self, key, worker: Worker) -> int | None:
        """A worker has refused a job, or died: it serves no more. Returns how it ended."""
        with self._lock:
            if self._workers.get(key) is worker:
                del self._workers[key]
            if not worker.served:
                self._hopeless.add(key)
            worker.control.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return worker.process.wait(timeout=5)
        return None


def _wait(connection: socket.socket, told: list[bytes], measured) -> int:
    """Wait for a job, of which the first message has come; returns its exit status."""
    if told[0] == b"code":  # it was killed at once
        return int(told[1])
    code = -signal.SIGKILL  # if nobody can tell any more
    with contextlib.nullcontext() if measured is None else measured(int(told[1])):
        with contextlib.suppress(OSError):
            connection.send(b"begin")
        # The job tells its status before it ends, the worker after that. Then both close.
        while told := _receive(connection).split():
            code = int(told[1])
    return code


def _receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(64)
    except ConnectionResetError:  # it ended early; what it said comes next
        return connection.recv(64)
