"""A checked config: which models, tasks and seeds are wanted, and what jobs may use."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fwp.config.messages import ConfigError
from fwp.experiment import resolve, resources
from fwp.experiment.names import titles
from fwp.experiment.validate import checked
from fwp.mixers._signature import Signature
from fwp.results.names import Name
from fwp.utils.suggest import suggestion


class Analysis(NamedTuple):
    """Models and tasks to look into, by how many strings, and how many solved seeds of a cell."""

    models: list[str]
    tasks: list[str]
    strings: int
    solved_seeds: int | None


class Selection:
    """What a config asks for; see `fwp.experiment.experiment.Experiment`."""

    def __init__(
        self, config: dict, *, source: str = "the config", folders: Sequence[str | Path] = ()
    ):
        self.folders = [str(Path(folder)) for folder in [*folders, Path()]]
        self.config, self._signatures, self.claims = checked(config, source, self.folders)
        self.models, self.tasks = (self._selected(kind) for kind in ("models", "tasks"))
        seeds = self.config["seeds"]
        self.seeds = list(range(seeds)) if isinstance(seeds, int) else sorted(seeds)
        self.results = os.path.normpath(self.config["results"])
        self.device = self.config["compute"]["device"]
        self.seeds_per_job = self.config["compute"]["seeds_per_job"]
        self.threads = self.config["compute"]["threads"]
        self.targets = self.config["targets"]
        self.partial = self.config["partial"]
        wanted = self.config["analysis"]
        self.analysis = Analysis(
            [m for m in self.models if wanted["models"] is None or m in wanted["models"]],
            [t for t in self.tasks_of("strings") if t in (wanted["tasks"] or self.tasks)],
            wanted["strings"],
            wanted["solved_seeds"],
        )

    @property
    def gpus(self) -> int:
        """Number of this machine's GPUs that jobs may use."""
        return resources.gpus_here(self.device)

    @property
    def gpus_per_job(self) -> int:
        """What a job that runs models asks of the resource `gpu`, here or on a cluster."""
        return resources.gpus_per_job(self.device)

    @property
    def jobs_per_gpu(self) -> int:
        """Jobs that share a GPU at a time."""
        return self.config["compute"]["jobs_per_gpu"]

    @property
    def wants_mps(self) -> bool:
        """Whether jobs share a GPU of this machine, and are to compute side by side there."""
        return self.config["compute"]["mps"] and self.jobs_per_gpu > 1 and self.gpus > 0

    @property
    def warm_worker(self) -> bool:
        """Whether jobs are forks of a process that has loaded PyTorch.

        On Linux alone: on macOS, a fork of a process that has used its frameworks fails.
        """
        return self.config["compute"]["warm_worker"] and sys.platform == "linux"

    def kind(self, task: str) -> str:
        """What a task is about: strings, text or translation."""
        return resolve.text_kind(self.config["tasks"][task]) or "strings"

    def tasks_of(self, kind: str) -> list[str]:
        """The tasks of one kind, in the order of the config."""
        return [task for task in self.tasks if self.kind(task) == kind]

    def names(self) -> list[Name]:
        """How tables and figures show models and tasks."""
        shown = {"model": self.models, "task": self.tasks}
        named = titles(self.config, self._signatures)  # of all: a selection changes no title
        return [name for name in named if name.name in shown[name.kind]]

    def signature(self, model: str) -> Signature:
        """What the mixer of a model takes."""
        return self._signatures[model]

    def _selected(self, kind: str) -> list[str]:
        chosen = resolve.named(self.config["only"][kind])
        return [name for name in self.config[kind] if chosen is None or name in chosen]

    def _require(self, model: str | None, task: str) -> None:
        for kind, name, known in (("model", model, self.models), ("task", task, self.tasks)):
            if name is not None and name not in known:
                raise ConfigError(
                    [f"must be one of {', '.join(known)}{suggestion(name, known)}, got {name!r}"],
                    f"the {kind}",
                )
