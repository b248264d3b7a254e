"""Functions in a process of their own: with its own memory, one core, and an end to its time."""

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import fwp


class Answer(NamedTuple):
    """What a function returned, or why it did not.

    Attributes:
        value: the returned value, None if there is none.
        reason: why there is none, a few words; "" if there is one.
    """

    value: Any
    reason: str


def call(
    function: str,
    arguments: dict[str, Any],
    *,
    limit: float = 600.0,
    one_core: bool = True,
    environment: dict[str, str] | None = None,
) -> Answer:
    """Call a function in a process of its own, and wait for its answer.

    Args:
        function: "module:name".
        arguments: by name, ready for JSON, as what it returns must be.
        limit: seconds after which the process is ended.
        one_core: whether the process, and what it starts, has one core alone.
        environment: variables to set.
    """
    paths = [str(Path(fwp.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    variables = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        process = subprocess.Popen(
            [sys.executable, "-m", "fwp.benchmarks.apart", function, str(answer), "1" * one_core],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env=variables | {"OMP_NUM_THREADS": "1"} | (environment or {}),
            start_new_session=True,  # so that what it starts ends with it
        )
        try:
            _, said = process.communicate(json.dumps(arguments), timeout=limit)
        except subprocess.TimeoutExpired:
            return Answer(None, f"more than {limit:g} s")
        finally:
            _end(process)
        if answer.exists():
            return Answer(json.loads(answer.read_bytes()), "")
    lines = said.strip().splitlines() or [f"ended with code {process.returncode}"]
    return Answer(None, lines[-1][:200])


def _end(process: subprocess.Popen) -> None:
    """End a process that still runs, and all that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def clock(device: str) -> Callable[[], float]:
    """CPU seconds, which other programs do not lengthen, of a process that has one core."""
    one = hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) == 1
    return time.process_time if device == "cpu" and one else time.perf_counter


def peak_memory() -> int:
    """Bytes that this process has held at most.

    What the system says of used resources counts the process that started this one, too.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return next(1024 * int(x.split()[1]) for x in status.splitlines() if x[:6] == "VmHWM:")
    except OSError:  # a Mac, which counts in bytes
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(function: str, answer: str, one_core: str) -> None:
    """What the process does."""
    if one_core and hasattr(os, "sched_setaffinity"):  # not on a Mac
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    module, _, name = function.partition(":")
    value = getattr(importlib.import_module(module), name)(**json.load(sys.stdin))
    whole = Path(answer).with_suffix(".part")
    whole.write_text(json.dumps(value), encoding="utf-8")
    whole.rename(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
