"""Experiments beside the grid: which are asked for, and how far their runs are."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fwp.metalearning import grid as metalearning
from fwp.pomdp import grid as pomdp
from fwp.retrieval import grid as retrieval

RUNS = {
    "retrieval": lambda experiment: retrieval.jobs(experiment.config["retrieval"]),
    "pomdp": pomdp.jobs,
    "metalearning": metalearning.jobs,
}
"""The runs of an experiment, by the target that makes it."""

STATES = ("done", "running", "failed", "interrupted", "waiting")
"""Of a run."""


@dataclass
class OwnState:
    """What is known of an experiment of its own.

    Attributes:
        name: the target that makes it.
        counts: number of runs in each of `STATES`.
        failed: names of failed runs, with the last words of their logs.
    """

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether every run is."""
        return self.counts.total() == self.counts["done"]


def grid_is_asked_for(experiment) -> bool:
    """Whether models × tasks × seeds are among the targets, or some of them are there."""
    return not set(experiment.targets) <= RUNS.keys() or Path(experiment.results, "cells").is_dir()


def planned(experiment) -> dict[str, list[str]]:
    """Names of the runs of each experiment that is among the targets, or that has begun."""
    return {
        name: [job.name for job in runs(experiment)]
        for name, runs in RUNS.items()
        if name in experiment.targets or Path(experiment.results, name).is_dir()
    }


def look(
    name: str, runs: list[str], results: Path, going: bool, words: Callable[[Path], str | None]
) -> OwnState:
    """How far an experiment is.

    Args:
        runs: their names, as `planned` gives them.
        results: folder of everything that is generated.
        going: whether a run of Snakemake goes on.
        words: why a job ended, by its log; None if that says nothing of an error.
    """
    found = OwnState(name)
    for run in runs:
        # A name may hold dots, so that `with_suffix` would cut it.
        log = results / name / f"{run}.log"
        if (results / name / f"{run}.json").is_file():
            found.counts["done"] += 1
        elif not log.is_file():
            found.counts["waiting"] += 1
        elif why := words(log):
            state = "interrupted" if why.startswith("interrupted") else "failed"
            found.counts[state] += 1
            if state == "failed":
                found.failed[run] = why
        else:
            found.counts["running" if going else "interrupted"] += 1
    return found
