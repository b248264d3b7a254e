"""What a running job says of itself, progress.json, and whether it still runs.

`fwp.status.progress` writes the file, without flushing it to disk: it is no result. A file that is
missing, cut short or of another kind says nothing.
"""

import json
import math
import os
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SILENCE = 15 * 60
"""A job on another machine that has not been heard of for so long (seconds) is interrupted."""
STAGES = ("train", "evaluate", "search")
CLOCK = 5.0
"""Seconds by which two readings of one process's start may differ, as clocks are corrected."""


@dataclass
class Known:
    """What a job says of one seed: how far it is, of `epochs`, and its validation accuracies.

    Of a text it says the validation loss in bits instead, and in words what readers want to know.

    Attributes:
        passed: epochs so far, with their fraction.
        strings, seconds: trained on so far, and how long that took.
        loss: of training.
        bits: of validation, of texts.
    """

    status: str | None = None
    epoch: int | None = None
    epochs: int | None = None
    accuracy: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    passed: float | None = None
    strings: int | None = None
    seconds: float | None = None
    loss: float | None = None
    bits: float | None = None


@dataclass
class Heartbeat:
    """What a job says of itself.

    Attributes:
        state: running, done, failed or interrupted.
        stage: train, evaluate or search.
        time: of its writing, seconds since 1970.
        started: when its process was started, seconds since 1970.
        device: what it trains on: cpu, or the name of the GPU.
        slurm: the number of its Slurm job, if it is one.
        trials: how many runs a search will train at most.
    """

    state: str | None
    stage: str
    time: float | None
    pid: int | None
    host: str | None
    started: float | None
    error: str | None
    seeds: dict[int, Known]
    device: str | None = None
    slurm: str | None = None
    trials: int | None = None

    def alive(self, now: float) -> bool:
        """Whether a job that says it runs still does."""
        if self.host != socket.gethostname() or not self.pid:
            return now - (self.time or 0) < SILENCE
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # another user's process: it exists
            pass
        except OverflowError:
            return False
        found = process_start(self.pid)
        if found is None or self.started is None:
            return True
        # The number of a process that has ended is given to another one sooner or later.
        return abs(found - self.started) < CLOCK


def process_start(pid: int) -> float | None:
    """When a process was started, seconds since 1970; None if that cannot be known."""
    try:
        import psutil  # comes with Snakemake

        return psutil.Process(pid).create_time()
    except Exception:  # not installed, gone meanwhile, not allowed
        return None


def read_heartbeat(path: str | Path) -> Heartbeat | None:
    """Read a progress.json; None if there is none that can be understood."""
    try:
        found = json.loads(Path(path).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("seeds", {}), dict):
        return None
    return Heartbeat(
        state=_of(str, found.get("state")),
        stage=found["stage"] if found.get("stage") in STAGES else "train",
        time=_of(float, found.get("time")),
        pid=_of(int, found.get("pid")),
        host=_of(str, found.get("host")),
        started=_of(float, found.get("started")),
        error=_of(str, found.get("error")),
        seeds={
            int(seed): _known(facts)
            for seed, facts in found.get("seeds", {}).items()
            if seed.isdecimal() and isinstance(facts, dict)
        },
        device=_of(str, found.get("device")),
        slurm=_of(str, found.get("slurm")),
        trials=_of(int, found.get("trials")),
    )


def _known(facts: dict) -> Known:
    accuracy = facts.get("accuracy")
    values = list(accuracy.values()) if isinstance(accuracy, dict) else []
    values += [facts["bits"]] if facts.get("bits") is not None else []
    numbers = [number for value in values if (number := _of(float, value)) is not None]
    said = facts.get("said")
    return Known(
        status=_of(str, facts.get("status")),
        epoch=_of(int, facts.get("epoch")),
        epochs=_of(int, facts.get("epochs")),
        accuracy=numbers if len(numbers) == len(values) else [],
        said=[word for word in said if isinstance(word, str)] if isinstance(said, list) else [],
        passed=_of(float, facts.get("passed")),
        strings=_of(int, facts.get("strings")),
        seconds=_of(float, facts.get("seconds")),
        loss=_of(float, facts.get("loss")),
        bits=_of(float, facts.get("bits")),
    )


def _of(kind: type, value: Any) -> Any:
    """The value if it is of this kind, and finite, else None."""
    allowed = (int, float) if kind is float else kind
    right = isinstance(value, allowed) and not isinstance(value, bool)
    return value if right and value not in (math.inf, -math.inf) and value == value else None
