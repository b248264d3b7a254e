"""What decides the results of jobs: the settings and the code of cells, searches and data.

These are the parameters that a plan compares with those of the files that are there, and so what
an edit of the config or of the code runs again.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fwp.config.settings import AUXILIARY, TrainingSettings
from fwp.datasets.spec import DatasetSpec
from fwp.experiment import fingerprint, resolve, resources
from fwp.experiment.cell import Cell
from fwp.experiment.seed_groups import group_seeds
from fwp.experiment.selection import Selection
from fwp.results.chosen import agrees, opened, read_chosen, settled
from fwp.results.integrity import ResultsError
from fwp.search.configured import search_settings
from fwp.search.settings import SearchSettings


class Params(Selection):
    """Cells, searches and data of a config; see `fwp.experiment.experiment.Experiment`."""

    def __init__(
        self, config: dict, *, source: str = "the config", folders: Sequence[str | Path] = ()
    ):
        super().__init__(config, source=source, folders=folders)
        self._cells: dict[tuple[str, str], Cell] = {}
        self._datasets: dict[str, DatasetSpec] = {}
        self._plans: dict[tuple[str, ...], dict[str, Any]] = {}
        self._fingerprints: dict[tuple[str, ...], str] = {}
        self._searches: dict[tuple[str, str], SearchSettings | None] = {}

    # Cells

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
            own = (*_training(self.kind(task)), *self._auxiliary(model, task, training))
            self._cells[model, task] = Cell(
                settings,
                resolve.resolved_task(self.config, task),
                training,
                {
                    "train": self._fingerprint("train", *mixer.modules, gradient, *own, *solving),
                    "evaluate": self._fingerprint(
                        "evaluate", *mixer.modules, *_measuring(self.kind(task))
                    ),
                },
            )
        return self._cells[model, task]

    def _auxiliary(self, model: str, task: str, training: TrainingSettings) -> tuple[str, ...]:
        """What training with further losses loads by name, if one counts or a search may say so."""
        search = self.search(model, task)
        searched = () if search is None else search.space
        if not any(getattr(training, k) or f"training.{k}" in searched for k in AUXILIARY):
            return ()
        from fwp import languages

        return "fwp.training.auxiliary", languages.module(self.config["tasks"][task]["language"])

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
            stage: evaluate, or another that runs a trained model: trace, automaton, control.
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

    # Searches

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
        training = self._as_given(model, task).training
        own = (*_training(self.kind(task)), *self._auxiliary(model, task, training))
        return {
            "cell": self.train_params(model, task),
            "search": None if search is None else search.as_dict(),
            "code": self._fingerprint(
                "search", *self.signature(model).modules, f"fwp.training.{training.gradient}", *own
            ),
        }

    def search_dir(self, task: str, model: str) -> str:
        """Folder of the search for a cell's settings."""
        return f"{self.results}/search/{task}/{model}"

    def chosen(self, model: str, task: str) -> str:
        """The file of the settings that a search chose."""
        return f"{self.search_dir(task, model)}/chosen.json"

    def chosen_inputs(self, model: str, task: str) -> list[str]:
        """The file of `chosen`, if a search chooses settings of the cell."""
        return [self.chosen(model, task)] if self.searched(model, task) else []

    def searches(self) -> list[tuple[str, str]]:
        """(task, model) of all cells that have something to search, in the order of the config."""
        return [(t, m) for t in self.tasks for m in self.models if self.searched(m, t)]

    # Data

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

    def code(self, stage: str, model: str | None = None) -> str:
        """Fingerprint of a stage that no language has a part in, and no model or this one."""
        mixer = () if model is None else self.signature(model).modules
        return self._fingerprint(stage, *mixer)

    def _once(self, *key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What `make` returns, one object for all seeds of a cell: a plan holds it for each."""
        if key not in self._plans:
            self._plans[key] = make()
        return self._plans[key]

    def _data_code(self, stage: str, task: str) -> str:
        if (kind := self.kind(task)) != "strings":
            return self._fingerprint(f"{kind}_{stage}")
        if self._of_files(task):
            return self._fingerprint(f"files_{stage}")
        from fwp import languages

        entry = self.config["tasks"][task]
        if resolve.recognises(entry):
            stage = f"recognition_{stage}"
        return self._fingerprint(stage, languages.module(entry["language"]))

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
