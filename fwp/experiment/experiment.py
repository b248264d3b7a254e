"""An experiment: from a config to models × tasks × seeds, each resolved to a `Cell`.

Free of PyTorch, so that planning ten thousand cells costs seconds. `resolve` says which settings
win, `validate` what is refused, `seed_groups` which seeds share a job.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from fwp.config.loading import read_config
from fwp.config.messages import ConfigError
from fwp.datasets.spec import DatasetSpec
from fwp.experiment import fingerprint, resolve, resources
from fwp.experiment.cell import Cell
from fwp.experiment.names import titles
from fwp.experiment.seed_groups import existing, group_seeds, grouped
from fwp.experiment.validate import checked
from fwp.mixers._signature import Signature
from fwp.results.chosen import agrees, opened, read_chosen, settled
from fwp.results.integrity import ResultsError
from fwp.results.names import Name
from fwp.results.record import read_record, settings_digest
from fwp.search.configured import search_settings
from fwp.search.settings import SearchSettings
from fwp.utils.suggest import suggestion


class TrainJob(NamedTuple):
    """Seeds of a cell that are trained by one job; everything of theirs is in `directory`.

    `seeds` are those that the experiment wants, and `group` may name more.
    """

    task: str
    model: str
    group: str
    seeds: list[int]
    directory: str


class Analysis(NamedTuple):
    """Models and tasks to look into, by how many strings."""

    models: list[str]
    tasks: list[str]
    strings: int


def load_experiment(
    *paths: str | Path,
    given: dict | None = None,
    changes: Sequence[str] = (),
    top: dict | None = None,
) -> "Experiment":
    """Read configs (see `fwp.config.loading.read_config`) and make their experiment.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    config = read_config(*paths, given=given, changes=changes, top=top)
    folders = [Path(path).parent for path in paths]
    source = " + ".join(map(str, [*paths, *(["the config of the module"] if given else [])]))
    return Experiment(config, source=source or "the config", folders=folders)


class Experiment:
    """A checked config.

    Args:
        config: as `read_config` returns it.
        source: what to call it in messages.
        folders: where modules of the user's own are looked for, before the current folder.

    Attributes:
        models, tasks: names, in the order of the config; if `only` selects some, these.
        seeds: ascending.
        results: folder of everything that is generated.
        claims: files of claims that the results are compared with.
        device: auto, cpu or cuda.
        analysis: what the targets `states` and `automata` look into.
        seeds_per_job: how many seeds a job trains.
        threads: CPU threads of a job that trains or evaluates.
        targets: what the workflow makes if it is not asked for something else.
        partial: whether the report is of the cells that are finished.
        config: the config with all defaults, as given otherwise.
        folders: where modules of the user's own are looked for first.

    Raises:
        ConfigError: with everything that is wrong with it.
    """

    def __init__(
        self, config: dict, *, source: str = "the config", folders: Sequence[str | Path] = ()
    ):
        self.folders = [str(Path(folder)) for folder in [*folders, Path()]]
        self.config, self._signatures, self.claims = checked(config, source, self.folders)
        self._cells: dict[tuple[str, str], Cell] = {}
        self._datasets: dict[str, DatasetSpec] = {}
        self._plans: dict[tuple[str, ...], dict[str, Any]] = {}
        self._fingerprints: dict[tuple[str, ...], str] = {}
        self._searches: dict[tuple[str, str], SearchSettings | None] = {}
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

    # What is computed

    def cell(self, model: str, task: str) -> Cell:
        """Everything that decides the results of a model on a task, except seed and strings.

        If a search chooses some settings, it is with these as soon as the search is over. Until
        then, the others' values in the config stand in for them.

        Raises:
            ConfigError: there is no such model or task.
        """
        cell = self._as_given(model, task)
        if not self.searched(model, task):
            return cell
        try:
            chosen = read_chosen(self.chosen(model, task))
        except ResultsError:
            return cell
        return Cell.from_dict(settled(cell.as_dict(), chosen))

    def _as_given(self, model: str, task: str) -> Cell:
        self._require(model, task)
        if (model, task) not in self._cells:
            mixer = self.signature(model)
            training = resolve.resolved_training(self.config, model, task)
            gradient = f"fwp.training.{training.gradient}"
            settings = resolve.resolved_model(self.config, model, task, mixer.options)
            settings = replace(settings, mixer=mixer.name(settings.mixer))
            solving: tuple[str, ...] = ()
            if settings.parameters is not None:  # the job solves the width; about this one
                solving = ("fwp.models.budget",)
                about = resources.width_within(settings, {"parameters": settings.parameters})
                settings = replace(settings, hidden=about)
            kind = self.kind(task)
            self._cells[model, task] = Cell(
                settings,
                resolve.resolved_task(self.config, task),
                training,
                {
                    "train": self._fingerprint(
                        "train", *mixer.modules, gradient, *_training(kind), *solving
                    ),
                    "evaluate": self._fingerprint("evaluate", *mixer.modules, *_measuring(kind)),
                },
            )
        return self._cells[model, task]

    def train_params(self, model: str, task: str) -> dict[str, Any]:
        """The part of a cell that decides the trained weights, as a plan holds it.

        What a job finds out is left open in it (`left_open`, `fwp.results.chosen`).
        """

        def make() -> dict[str, Any]:
            cell = self._as_given(model, task)
            planned = opened(cell.as_dict(), self.left_open(model, task))
            return planned | {"code": {"train": cell.code["train"]}}

        return self._once("train", model, task, make=make)

    def train_job(self, model: str, task: str, group: str) -> dict[str, Any]:
        """What a training job needs to know: {"cell": `train_params`, "seeds": those of a group."""
        return {"cell": self.train_params(model, task), "seeds": list(group_seeds(group))}

    def evaluate_params(self, model: str, task: str, stage: str = "evaluate") -> dict[str, Any]:
        """A `TrainedCell`: what decides how given weights do on given strings, as a plan holds it.

        Args:
            stage: evaluate, or another that runs a trained model: trace, automaton.
        """

        def make() -> dict[str, Any]:
            modules = _measuring(self.kind(task)) if stage == "evaluate" else ()
            code = {stage: self._fingerprint(stage, *self.signature(model).modules, *modules)}
            cell = self._as_given(model, task).trained.as_dict()
            return opened(cell, self.left_open(model, task)) | {"code": code}

        return self._once(stage, model, task, make=make)

    def is_current(self, model: str, task: str, config: dict) -> bool:
        """Whether the `config` of a record is that of a cell, and what a search has chosen."""
        if not agrees(config, self.train_params(model, task)):
            return False
        if not self.searched(model, task):
            return True
        try:
            return settled(config, read_chosen(self.chosen(model, task))) == config
        except ResultsError:
            return False

    # What is searched

    def search(self, model: str, task: str) -> SearchSettings | None:
        """The search for the settings of a cell; None if there is nothing to search."""
        if (model, task) not in self._searches:
            self._searches[model, task] = search_settings(self.config, model, task)
        return self._searches[model, task]

    def searched(self, model: str, task: str) -> list[str]:
        """Dotted keys of the settings of a cell that a search chooses."""
        search = self.search(model, task)
        if search is None:
            return []
        solved = self._solved(model, task)
        return sorted({*search.space, *(["hidden"] if search.budget else []), *solved})

    def left_open(self, model: str, task: str) -> list[str]:
        """Dotted keys of the settings of a cell that a search chooses, or a size decides."""
        return sorted({*self.searched(model, task), *self._solved(model, task)})

    def _solved(self, model: str, task: str) -> tuple[str, ...]:
        sized = self._as_given(model, task).model.parameters is not None
        return ("hidden", "feed_forward") if sized else ()

    def search_job(self, model: str, task: str) -> dict[str, Any]:
        """What a search job needs to know: {"cell": `train_params`, "search", "code"}."""
        search = self.search(model, task)
        gradient = f"fwp.training.{self._as_given(model, task).training.gradient}"
        return {
            "cell": self.train_params(model, task),
            "search": None if search is None else search.as_dict(),
            "code": self._fingerprint(
                "search", *self.signature(model).modules, gradient, *_training(self.kind(task))
            ),
        }

    def chosen(self, model: str, task: str) -> str:
        """The file of the settings that a search chose."""
        return f"{self.search_dir(task, model)}/chosen.json"

    def chosen_inputs(self, model: str, task: str) -> list[str]:
        """The file of `chosen`, if a search chooses settings of the cell."""
        return [self.chosen(model, task)] if self.searched(model, task) else []

    def searches(self) -> list[tuple[str, str]]:
        """(task, model) of all cells that have something to search, in the order of the config."""
        return [(t, m) for t in self.tasks for m in self.models if self.searched(m, t)]

    def dataset(self, task: str) -> DatasetSpec:
        """What the strings of a task are drawn from."""
        self._require(None, task)
        if task not in self._datasets:
            self._datasets[task] = resolve.resolved_dataset(self.config, task)
        return self._datasets[task]

    def data_params(self, task: str) -> dict[str, Any]:
        """What decides the training and validation strings: a dataset, and the code that draws it.

        Test strings are of a pool of their own. So test bins and counts play no part here, and
        change without training.
        """

        def make() -> dict[str, Any]:
            spec = self.dataset(task).without_test()
            code = self._data_code("data", task)
            return {"dataset": spec.as_dict(), "code": code}

        return self._once("data", task, make=make)

    def test_data_params(self, task: str) -> dict[str, Any]:
        """What decides the test strings and the dataset card: a dataset, and the code for both."""

        def make() -> dict[str, Any]:
            code = self._data_code("test_data", task)
            return {"dataset": self.dataset(task).as_dict(), "code": code}

        return self._once("test_data", task, make=make)

    def text_files(self, task: str, *kinds: str) -> list[str]:
        """The files that a task's data are read from; none for strings that are drawn.

        Args:
            task: its name.
            kinds: train, validation, test: sets of strings; a text is divided when it is read.
        """
        if self._of_files(task):
            from fwp.datasets.files.check import inputs

            return inputs(self.dataset(task), kinds)
        if self.kind(task) == "strings":
            return []
        from fwp.datasets.text.sources import files_of

        return files_of(self.dataset(task).task)

    def remarks(self) -> list[str]:
        """What may spoil the results of tasks of files, in sentences; of small files alone."""
        from fwp.datasets.files.check import remarks

        told = [(task, self.dataset(task)) for task in self.tasks if self._of_files(task)]
        return [f"task {task}: {line}" for task, spec in told for line in remarks(spec)]

    def _of_files(self, task: str) -> bool:
        return "files" in self.config["tasks"][task]

    def code(self, stage: str) -> str:
        """Fingerprint of a stage that no model or language has a part in (tables, figures, ...)."""
        return self._fingerprint(stage)

    def names(self) -> list[Name]:
        """How tables and figures show models and tasks."""
        shown = {"model": self.models, "task": self.tasks}
        named = titles(self.config, self._signatures)  # of all: a selection changes no title
        return [name for name in named if name.name in shown[name.kind]]

    # Where it goes

    def groups(self, model: str | None = None, task: str | None = None) -> dict[str, list[int]]:
        """Names and seeds of the jobs that train a cell.

        Groups that are there already stay as they are: a further seed trains nothing but itself,
        and fewer seeds train nothing. The other seeds are grouped by `seeds_per_job`. Without a
        cell: as if none were.
        """
        if model is None or task is None:
            return grouped(self.seeds, self.seeds_per_job)

        def trained(group: str) -> bool:
            try:
                record = read_record(f"{self.cell_dir(task, model, group)}/cell.json")
            except ResultsError:
                return False
            return self.is_current(model, task, record["config"])

        taken = existing(f"{self.results}/cells/{task}/{model}")
        return grouped(self.seeds, self.seeds_per_job, taken, trained)

    def cell_dir(self, task: str, model: str, group: str) -> str:
        """Folder of a group of seeds."""
        return f"{self.results}/cells/{task}/{model}/{group}"

    def search_dir(self, task: str, model: str) -> str:
        """Folder of the search for a cell's settings."""
        return f"{self.results}/search/{task}/{model}"

    def jobs(self) -> Iterator[TrainJob]:
        """All training jobs, in the order of the config: by task, then model, then seed."""
        for task in self.tasks:
            for model in self.models:
                for group, seeds in self.groups(model, task).items():
                    yield TrainJob(task, model, group, seeds, self.cell_dir(task, model, group))

    def wanted(self, jobs: Iterable[TrainJob]) -> list[dict[str, Any]]:
        """What the records of jobs must be of, for `fwp.results.collect.Wanted`."""
        digests: dict[tuple[str, str], str] = {}
        for job in jobs:
            if (job.task, job.model) not in digests:
                settings = self.train_params(job.model, job.task)
                digests[job.task, job.model] = settings_digest(settings)
        return [
            {
                "folder": job.directory,
                "trained": list(group_seeds(job.group)),
                "seeds": job.seeds,
                "settings": digests[job.task, job.model],
                "searched": self.left_open(job.model, job.task),
            }
            for job in jobs
        ]

    def benchmarked(self) -> list[Cell]:
        """The cells whose training steps are timed: every model on the first task."""
        return [self.cell(model, self.tasks[0]) for model in self.models]

    def analysed(self, tasks: Sequence[str] | None = None) -> list[TrainJob]:
        """The jobs of the models and tasks that `analysis` chooses; or of those `tasks` alone."""
        models, tasks = self.analysis.models, self.analysis.tasks if tasks is None else tasks
        return [job for job in self.jobs() if job.task in tasks and job.model in models]

    def finite_tasks(self) -> list[str]:
        """The tasks that `analysis` chooses and that a finite automaton can do."""
        from fwp import languages
        from fwp.languages import _machine

        strings = [task for task in self.analysis.tasks if self.kind(task) == "strings"]
        strings = [task for task in strings if not self._of_files(task)]
        tasks = [resolve.resolved_task(self.config, task) for task in strings]
        return [
            task.name
            for task in tasks
            if _machine.is_finite(languages.get(task.language, **task.params))
        ]

    def _once(self, *key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What `make` returns, one object for all seeds of a cell: a plan holds it for each."""
        if key not in self._plans:
            self._plans[key] = make()
        return self._plans[key]

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

    # Code

    def signature(self, model: str) -> Signature:
        """What the mixer of a model takes."""
        return self._signatures[model]

    def _data_code(self, stage: str, task: str) -> str:
        if (kind := self.kind(task)) != "strings":
            return self._fingerprint(f"{kind}_{stage}")
        if self._of_files(task):
            return self._fingerprint(f"files_{stage}")
        from fwp import languages

        return self._fingerprint(stage, languages.module(self.config["tasks"][task]["language"]))

    def _fingerprint(self, stage: str, *modules: str) -> str:
        key = (stage, *modules)
        if key not in self._fingerprints:
            self._fingerprints[key] = fingerprint.fingerprint(*key, folders=self.folders)
        return self._fingerprints[key]


def _training(kind: str) -> tuple[str, ...]:
    """What training on tasks of a kind loads by name."""
    return (f"fwp.training.kinds.{kind}",)


def _measuring(kind: str) -> tuple[str, ...]:
    """What measuring models on tasks of a kind loads by name."""
    return (f"fwp.training.evaluation.{kind}",)
