"""The virtual cluster of cluster.sh, and what happens on it."""

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

SCRIPT = Path(__file__).with_name("cluster.sh")
PATIENCE = 300  # seconds that a busy machine may take for anything


class Job(NamedTuple):
    """A job as squeue shows it; `name` is the rule and the wildcards, joined by _."""

    id: str
    state: str
    node: str
    memory: str
    name: str


def command(*words: str) -> str:
    """Run a program of Slurm; what it prints."""
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def jobs(name: str = "", state: str = "all") -> list[Job]:
    """Jobs of that name, or all, in order of submission; Slurm remembers those that are over."""
    lines = command("squeue", f"--states={state}", "--noheader", "--format=%i|%T|%N|%m|%k")
    found = [Job(*line.split("|")) for line in lines.splitlines()]
    found = [job._replace(name=job.name.replace("wildcards_", "", 1)) for job in found]
    return sorted((job for job in found if name in job.name), key=lambda job: int(job.id))


def gpus_in_use() -> list[tuple[str, str]]:
    """Node and number of the GPU of every job that has one now."""
    lines = command("scontrol", "show", "jobs", "--details", "--oneliner").splitlines()
    found = (re.search(r" Nodes=(\S+) .* GRES=gpu\S*\(IDX:(\S+)\)", x) for x in lines)
    return [match.groups() for match in found if match]


class Cluster:
    """A cluster of two nodes with two GPUs each.

    Args:
        accounting: whether it has a database, and sacct works.
    """

    def __init__(self, *, accounting: bool):
        self.environment = os.environ | {"ACCOUNTING": str(int(accounting))}

    def _run(self, *arguments: str) -> None:
        subprocess.run([SCRIPT, *arguments], check=True, env=self.environment)

    def __enter__(self) -> "Cluster":
        self._run("start")
        return self

    def __exit__(self, *error) -> None:
        self._run("stop")

    def up(self, *daemons: str) -> None:
        """Start daemons, and wait until the controller answers."""
        self._run("up", *daemons)
        ping = ("scontrol", "ping")
        wait_until(lambda: subprocess.run(ping, capture_output=True).returncode == 0)

    def down(self, *daemons: str) -> None:
        """Stop daemons."""
        self._run("down", *daemons)

    def crash(self, node: str) -> None:
        """Kill a node and all that runs there."""
        self._run("crash", node)


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for something to become true. Tests rely on nothing being quick.

    Raises:
        TimeoutError: it did not; with what the cluster does instead.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            state = subprocess.run("squeue; sinfo --list-reasons", shell=True, capture_output=True)
            raise TimeoutError(f"waited {seconds} s in vain\n{state.stdout.decode()}")
        time.sleep(0.2)
