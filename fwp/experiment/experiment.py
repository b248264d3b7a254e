"""An experiment: from a config to models × tasks × seeds, each resolved to a `Cell`.

Free of PyTorch, so that planning ten thousand cells costs seconds. `selection` holds the config,
`params` what decides the results of jobs; here is which jobs there are. `resolve` says which
settings win, `validate` what is refused, `seed_groups` which seeds share a job.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fwp.config.loading import read_config
from fwp.datasets.files.windows import FILES
from fwp.datasets.recognition.task import RECOGNITION
from fwp.experiment import resolve
from fwp.experiment.cell import Cell
from fwp.experiment.params import Params
from fwp.experiment.seed_groups import existing, group_seeds, grouped
from fwp.results.integrity import ResultsError
from fwp.results.record import read_record, settings_digest


class TrainJob(NamedTuple):
    """Seeds of a cell that are trained by one job; everything of theirs is in `directory`.

    `seeds` are those that the experiment wants, and `group` may name more.
    """

    task: str
    model: str
    group: str
    seeds: list[int]
    directory: str


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


class Experiment(Params):
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
        analysis: what the targets `states`, `automata` and `error_control` look into.
        seeds_per_job: how many seeds a job trains.
        threads: CPU threads of a job that trains or evaluates.
        targets: what the workflow makes if it is not asked for something else.
        partial: whether the report is of the cells that are finished.
        config: the config with all defaults, as given otherwise.
        folders: where modules of the user's own are looked for first.

    Raises:
        ConfigError: with everything that is wrong with it.
    """

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

    def questions(self) -> list[dict[str, Any]]:
        """What theorems are asked: mixer, options, language and params of every task × model.

        Those of tasks that a class of `fwp.languages` labels; there is none for others.
        """
        cells = [
            self.cell(model, task) for task in self.tasks_of("strings") for model in self.models
        ]
        return [
            {
                "task": cell.task.name,
                "model": cell.model.name,
                "mixer": cell.model.mixer,
                "options": dict(cell.model.options),
                "language": cell.task.language,
                "params": dict(cell.task.params),
            }
            for cell in cells
            if cell.task.language not in (FILES, RECOGNITION)
        ]

    def finite_tasks(self) -> list[str]:
        """The tasks that `analysis` chooses and that a finite automaton can do.

        Strings from files are left out, as no language is known that they are of.
        """
        from fwp.experiment.known_languages import known_language
        from fwp.languages import _machine

        found = []
        for name in self.analysis.tasks:
            task = resolve.resolved_task(self.config, name)
            if task.language == FILES:
                continue
            language, params = task.language, task.params
            if language == RECOGNITION:
                language, params = params["language"], params["params"]
            if _machine.is_finite(known_language(language, params)):
                found.append(name)
        return found
