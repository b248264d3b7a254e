"""An experiment: from a config to models × tasks × seeds, each resolved to one plain dict.

Torch-free and quick, so that planning ten thousand cells costs seconds. Settings are resolved in
this order, later ones winning: defaults, the model's, the task's, those of model × task.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from fwp import consistency, gpus, provenance, schema, signatures
from fwp.config import ConfigError, merge, read, show
from fwp.consistency import MODEL_KEYS
from fwp.suggestions import suggestion

__all__ = ["ConfigError", "Experiment", "Job", "load", "read"]

GROUP = re.compile(r"seeds?-(\d+)(?:-(\d+))?")


class Job(NamedTuple):
    """Seeds of a cell that are trained by one job; everything of theirs lies in `directory`."""

    task: str
    model: str
    group: str
    seeds: list[int]
    directory: str


def load(*paths: str | Path, changes: Sequence[str] = (), top: dict | None = None) -> "Experiment":
    """Read configs (see `fwp.config.read`) and make the experiment that they describe.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    config = read(*paths, changes=changes, top=top)
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
        given = _without_removed(config, source)
        names = [name for kind in ("models", "tasks") for name in _names(given.get(kind))]
        given, problems = schema.check(given)
        self.config = merge(schema.defaults(), given)
        self._signatures: dict[str, signatures.Signature] = {}
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
        self.claims, faults = consistency.claims(self.config["claims"], self.folders)
        problems += [*consistency.problems(self, names), *faults]
        if problems:
            raise ConfigError(problems, source)

    def _seeds(self) -> list[int]:
        seeds = self.config["seeds"]
        return list(range(seeds)) if isinstance(seeds, int) else sorted(seeds)

    @property
    def gpus(self) -> int:
        """Number of this machine's GPUs that jobs may use."""
        return 0 if self.device == "cpu" else len(gpus.names())

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
            mixer = self.signature(model).module
            code = {stage: self._fingerprint(stage, mixer) for stage in ("train", "evaluate")}
            self._cells[model, task] = {
                "model": self._model(model, task),
                "task": self._task(task),
                "training": self._training(model, task),
                "code": code,
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
        """What the strings of a task are drawn from, for `fwp.datasets.build`."""
        self._require(None, task)
        data = merge(self.config["data"], self._entry("tasks", task, "data"))
        test = merge(self.config["evaluation"], self._entry("tasks", task, "evaluation"))
        return {
            **self._task(task),
            "seed": data["seed"],
            "train": data["train"],
            "validation": data["validation"],
            "test": test,
        }

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
        existing = [] if model is None else self._existing(model, task)
        left, groups = set(self.seeds), []
        for seeds in existing:
            if left.issuperset(seeds):
                groups.append(list(seeds))
                left.difference_update(seeds)
        run: list[int] = []
        for seed in sorted(left):
            if run and (seed != run[-1] + 1 or len(run) == self.seeds_per_job):
                groups.append(run)
                run = []
            run.append(seed)
        groups += [run] if run else []
        return {group_name(seeds): seeds for seeds in sorted(groups)}

    def _existing(self, model: str, task: str) -> list[range]:
        """Seeds of the groups on disk, large groups first."""
        try:
            names = os.listdir(f"{self.results}/cells/{task}/{model}")  # noqa: PTH208 - faster
        except OSError:
            names = []
        found = filter(None, map(group_seeds, names))
        return sorted(found, key=lambda seeds: (-len(seeds), seeds.start))

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
        from fwp.analysis import machines

        tasks = {task: self._task(task) for task in self.analysis["tasks"]}
        return [
            task
            for task, entry in tasks.items()
            if machines.is_finite(languages.get(entry["language"], **entry["params"]))
        ]

    # Resolution

    def _entry(self, *keys: str) -> dict:
        value = self.config
        for key in keys:
            value = value.get(key, {})
        return value

    def _require(self, model: str | None, task: str) -> None:
        for kind, name, known in (("model", model, self.models), ("task", task, self.tasks)):
            if name is not None and name not in known:
                raise ConfigError(
                    [f"must be one of {', '.join(known)}{suggestion(name, known)}, got {name!r}"],
                    f"the {kind}",
                )

    def cell_settings(self, model: str, task: str) -> dict:
        """Model settings and options of the mixer as the config gives them for a cell."""
        settings = dict(self.config["model"])
        for entry in (
            self._entry("models", model),
            self._entry("tasks", task, "model"),
            self._entry("overrides", model, task),
        ):
            settings |= entry
        settings.pop("training", None)
        return settings

    def _model(self, model: str, task: str) -> dict:
        settings = self.cell_settings(model, task)
        options = self.signature(model).options
        chosen = {key: option.default for key, option in options.items() if option.known}
        for key, value in settings.items():
            if key in options:
                # 1 and 1.0 are the same number and must not look like a change.
                is_float = float in options[key].types and isinstance(value, int)
                chosen[key] = float(value) if is_float and not isinstance(value, bool) else value
        resolved = {"name": model} | {key: settings[key] for key in MODEL_KEYS}
        return resolved | {"options": {key: chosen[key] for key in options if key in chosen}}

    def training_settings(self, model: str, task: str) -> dict:
        """How a cell is trained, as the config gives it."""
        training = dict(self.config["training"])
        training |= self._entry("models", model, "training")
        training |= self._entry("tasks", task, "training")
        return training | self._entry("overrides", model, task, "training")

    def _training(self, model: str, task: str) -> dict:
        training = self.training_settings(model, task)
        for key in ("learning_rate", "eps"):
            training[key] = float(training[key])
        training["betas"] = [float(beta) for beta in training["betas"]]
        return {key: training[key] for key in schema.defaults()["training"]}

    def _task(self, task: str) -> dict:
        entry = self._entry("tasks", task)
        params = dict(sorted(entry.get("params", {}).items()))
        return {"name": task, "language": entry["language"], "params": params}

    # Code

    def signature(self, model: str) -> signatures.Signature:
        """What the mixer of a model takes; SignatureError if there is no such mixer."""
        name = self._entry("models", model)["mixer"]
        if name not in self._signatures:
            self._signatures[name] = signatures.mixer(name, self.folders)
        return self._signatures[name]

    def _language_module(self, task: str) -> str:
        from fwp import languages

        return languages.module(self._entry("tasks", task)["language"])

    def _fingerprint(self, stage: str, *modules: str) -> str:
        key = (stage, *modules)
        if key not in self._fingerprints:
            self._fingerprints[key] = provenance.fingerprint(*key, folders=self.folders)
        return self._fingerprints[key]


def group_name(seeds: Sequence[int]) -> str:
    """Folder of consecutive seeds: seed-3, or seeds-0-2."""
    return f"seed-{seeds[0]}" if len(seeds) == 1 else f"seeds-{seeds[0]}-{seeds[-1]}"


def group_seeds(name: str) -> range:
    """The seeds of a group; none if it is not the name of one."""
    match = GROUP.fullmatch(name)
    return range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)


def _names(entries: object) -> list:
    return list(entries) if isinstance(entries, dict) else []


def _without_removed(config: dict, source: str) -> dict:
    """The config without models and tasks that are null, and without their overrides."""
    if not isinstance(config, dict):
        raise ConfigError([f"it must hold keys and values, got {show(config)}"], source)
    config, removed = dict(config), {}
    for kind in ("models", "tasks"):
        entries = config.get(kind)
        removed[kind] = set()
        if isinstance(entries, dict):
            removed[kind] = {name for name, entry in entries.items() if entry is None}
            config[kind] = {name: entry for name, entry in entries.items() if entry is not None}
    overrides = config.get("overrides")
    if isinstance(overrides, dict):
        config["overrides"] = {
            model: {t: entry for t, entry in tasks.items() if t not in removed["tasks"]}
            if isinstance(tasks, dict)
            else tasks
            for model, tasks in overrides.items()
            if model not in removed["models"]
        }
    return config
