"""An experiment: from a config to models × tasks × seeds, each resolved to one plain dict.

Free of PyTorch, so that planning ten thousand cells costs seconds. `resolve` says which settings
win, `validate` what is refused, `seed_groups` which seeds share a job.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from fwp.config import schema
from fwp.config.loading import ConfigError, merge, read_config, without_removed
from fwp.experiment import fingerprint, resolve, validate
from fwp.experiment.seed_groups import existing, group_seeds, grouped
from fwp.mixers import _signature
from fwp.utils import gpus
from fwp.utils.suggest import suggestion


class Job(NamedTuple):
    """Seeds of a cell that are trained by one job; everything of theirs lies in `directory`."""

    task: str
    model: str
    group: str
    seeds: list[int]
    directory: str


def load_experiment(
    *paths: str | Path, changes: Sequence[str] = (), top: dict | None = None
) -> "Experiment":
    """Read configs (see `fwp.config.loading.read_config`) and make their experiment.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    config = read_config(*paths, changes=changes, top=top)
    folders = [Path(path).parent for path in paths]
    return Experiment(config, source=" + ".join(map(str, paths)) or "the config", folders=folders)


class Experiment:
    """A checked config.

    Args:
        config: as `read` returns it.
        source: what to call it in messages.
        folders: where modules of the user's own are looked for, before the current folder.

    Attributes:
        models, tasks: names, in the order of the config.
        seeds: ascending.
        results: folder of everything that is generated.
        claims: files of claims that the results are compared with.
        device: auto, cpu or cuda.
        analysis: models and tasks to look into, and by how many strings.
        seeds_per_job: how many seeds a job trains.
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
        given = without_removed(config, source)
        kinds = [given.get(kind) for kind in ("models", "tasks")]
        names = [name for kind in kinds if isinstance(kind, dict) for name in kind]
        given, problems = schema.check(given)
        self.config = merge(schema.defaults(), given)
        self._signatures: dict[str, _signature.Signature] = {}
        self._cells: dict[tuple[str, str], dict] = {}
        self._fingerprints: dict[tuple[str, ...], str] = {}
        self.models = list(self.config.get("models", {}))
        self.tasks = list(self.config.get("tasks", {}))
        self.seeds = self._seeds()
        self.results = os.path.normpath(self.config["results"])
        self.device = self.config["compute"]["device"]
        self.seeds_per_job = self.config["compute"]["seeds_per_job"]
        self.partial = self.config["partial"]
        self.analysis = dict(self.config["analysis"])
        for kind, known in (("models", self.models), ("tasks", self.tasks)):
            wanted = self.analysis[kind]
            self.analysis[kind] = [name for name in known if wanted is None or name in wanted]
        self.claims, faults = validate.claims(self.config["claims"], self.folders)
        problems += [*validate.problems(self, names), *faults]
        if problems:
            raise ConfigError(problems, source)

    def _seeds(self) -> list[int]:
        seeds = self.config["seeds"]
        return list(range(seeds)) if isinstance(seeds, int) else sorted(seeds)

    @property
    def gpus(self) -> int:
        """Number of this machine's GPUs that jobs may use."""
        return 0 if self.device == "cpu" else len(gpus.visible_gpus())

    @property
    def gpus_per_job(self) -> int:
        """What a job that runs models asks of the resource `gpu`, here or on a cluster."""
        return int(self.device == "cuda" or self.gpus > 0)

    @property
    def jobs_per_gpu(self) -> int:
        """Jobs that share a GPU at a time."""
        return self.config["compute"]["jobs_per_gpu"]

    # What is computed

    def cell(self, model: str, task: str) -> dict:
        """Everything that decides the results of a model on a task, but for the seed.

        Returns:
            {"model": {"name", "mixer", "hidden", "layers", "feed_forward", "wiring", "options"},
            "task": {"name", "language", "params"}, "training": {...}, "code": {"train",
            "evaluate"}}. The strings are those of `dataset`.

        Raises:
            ConfigError: there is no such model or task.
        """
        self._require(model, task)
        if (model, task) not in self._cells:
            mixer, options = self.signature(model).module, self.signature(model).options
            training = resolve.resolved_training(self.config, model, task)
            gradient = f"fwp.training.{training['gradient']}"
            self._cells[model, task] = {
                "model": resolve.resolved_model(self.config, model, task, options),
                "task": resolve.resolved_task(self.config, task),
                "training": training,
                "code": {
                    "train": self._fingerprint("train", mixer, gradient),
                    "evaluate": self._fingerprint("evaluate", mixer),
                },
            }
        return self._cells[model, task]

    def train_params(self, model: str, task: str) -> dict:
        """The part of a cell that decides the trained weights."""
        cell = self.cell(model, task)
        return cell | {"code": {"train": cell["code"]["train"]}}

    def train_job(self, model: str, task: str, group: str) -> dict:
        """What a training job needs to know: {"cell": `train_params`, "seeds": those of a group."""
        return {"cell": self.train_params(model, task), "seeds": list(group_seeds(group))}

    def evaluate_params(self, model: str, task: str, stage: str = "evaluate") -> dict:
        """The part of a cell that decides how given weights do on given strings.

        Args:
            stage: evaluate, or another that runs a trained model: trace, automaton.
        """
        cell = self.cell(model, task)
        return {
            "model": cell["model"],
            "task": cell["task"],
            "training": {"dtype": cell["training"]["dtype"]},
            "code": {stage: self._fingerprint(stage, self.signature(model).module)},
        }

    def dataset(self, task: str) -> dict:
        """What the strings of a task are drawn from, for `fwp.datasets.sampling.build_dataset`."""
        self._require(None, task)
        return resolve.resolved_dataset(self.config, task)

    def data_params(self, task: str) -> dict:
        """What decides the training and validation strings: a dataset, and the code that draws it.

        Test strings are drawn first and kept out of these sets. So test bins count where they share
        lengths with them, and only there: longer bins can be added without training anew.
        """
        spec = self.dataset(task)
        train, bins = spec["train"], spec["test"]["bins"]
        windows = [(train["min_length"], train["max_length"]), *spec["validation"]["bins"]]
        shared = [
            [low, high]
            for low, high in bins
            if any(low <= end and begin <= high for begin, end in windows)
        ]
        # A dataset has at least one test bin; one that shares no length keeps nothing out.
        test = spec["test"] | {"bins": shared or bins[:1]}
        code = self._fingerprint("data", self._language_module(task))
        return {"dataset": spec | {"test": test}, "code": code}

    def test_data_params(self, task: str) -> dict:
        """What decides the test strings and the dataset card: a dataset, and the code for both."""
        code = self._fingerprint("test_data", self._language_module(task))
        return {"dataset": self.dataset(task), "code": code}

    def code(self, stage: str) -> str:
        """Fingerprint of a stage that no model or language has a part in (tables, figures, ...)."""
        return self._fingerprint(stage)

    # Where it goes

    def groups(self, model: str | None = None, task: str | None = None) -> dict[str, list[int]]:
        """Names and seeds of the jobs that train a cell.

        Groups that are there already stay as they are, so that a further seed trains nothing but
        itself; the other seeds are grouped by `seeds_per_job`. Without a cell: as if none were.
        """
        taken = [] if model is None else existing(f"{self.results}/cells/{task}/{model}")
        return grouped(self.seeds, self.seeds_per_job, taken)

    def cell_dir(self, task: str, model: str, group: str) -> str:
        """Folder of a group of seeds."""
        return f"{self.results}/cells/{task}/{model}/{group}"

    def jobs(self) -> Iterator[Job]:
        """All training jobs, in the order of the config: by task, then model, then seed."""
        for task in self.tasks:
            for model in self.models:
                for group, seeds in self.groups(model, task).items():
                    yield Job(task, model, group, seeds, self.cell_dir(task, model, group))

    def analysed(self, tasks: Sequence[str] | None = None) -> list[Job]:
        """The jobs of the models and tasks that `analysis` chooses; or of those `tasks` alone."""
        tasks = self.analysis["tasks"] if tasks is None else tasks
        models = self.analysis["models"]
        return [job for job in self.jobs() if job.task in tasks and job.model in models]

    def finite_tasks(self) -> list[str]:
        """The tasks that `analysis` chooses and that a finite automaton can do."""
        from fwp import languages
        from fwp.languages import _machine

        tasks = [resolve.resolved_task(self.config, task) for task in self.analysis["tasks"]]
        return [
            task["name"]
            for task in tasks
            if _machine.is_finite(languages.get(task["language"], **task["params"]))
        ]

    def _require(self, model: str | None, task: str) -> None:
        for kind, name, known in (("model", model, self.models), ("task", task, self.tasks)):
            if name is not None and name not in known:
                raise ConfigError(
                    [f"must be one of {', '.join(known)}{suggestion(name, known)}, got {name!r}"],
                    f"the {kind}",
                )

    # Code

    def signature(self, model: str) -> _signature.Signature:
        """What the mixer of a model takes; SignatureError if there is no such mixer."""
        name = self.config["models"][model]["mixer"]
        if name not in self._signatures:
            self._signatures[name] = _signature.read_signature(name, self.folders)
        return self._signatures[name]

    def _language_module(self, task: str) -> str:
        from fwp import languages

        return languages.module(self.config["tasks"][task]["language"])

    def _fingerprint(self, stage: str, *modules: str) -> str:
        key = (stage, *modules)
        if key not in self._fingerprints:
            self._fingerprints[key] = fingerprint.fingerprint(*key, folders=self.folders)
        return self._fingerprints[key]
