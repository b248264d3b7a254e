"""The search of one model on one task: draw trials, train them, choose.

The trial with the highest mean accuracy on validation strings is chosen; a run that diverged has 0.
Of equal ones it is the one that needed fewer epochs, then the one with the lower loss, then the
first. Test strings have no part in it, and the seeds of trials are none that results are reported
of.
"""

import json
import math
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fwp.config.settings import ModelSettings
from fwp.datasets.spec import DatasetSpec, TaskSettings
from fwp.experiment.cell import Cell
from fwp.models.budget import size, solve_size, solve_width
from fwp.models.sequence_model import build_model
from fwp.results.chosen import settled, write_chosen
from fwp.search.sampling import Sampler
from fwp.search.seeds import FIRST, place, trial_seeds
from fwp.search.settings import SearchSettings
from fwp.training.kind import Data, load_kind
from fwp.training.trial_run import TrialRun
from fwp.training.trials import Trial, Trials, describe, settings_of
from fwp.utils import devices, signals
from fwp.utils.files import write_rows

FACTS = ("status", "epochs", "best_epoch", "selection", "inductive", "expressive", "loss")
"""Columns of trials.csv that hold facts of a `TrialRun` of the same name."""


class SearchError(ValueError):
    """A space that has no settings that a model can have."""


def search_cell(
    cell: Mapping[str, Any],
    search: SearchSettings,
    *,
    dataset: str | Path,
    chosen: str | Path,
    table: str | Path,
    spec: DatasetSpec | None = None,
    device: str = "auto",
    pack: int | None = None,
    tell: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Search the settings of a cell, and write which were chosen and what was tried.

    Finished runs are kept beside `chosen`. So a search that is repeated with more trials, or after
    it was killed, trains only what is missing.

    Args:
        cell: a `Cell` as a plain dict; what it says of settings in the space does not matter.
        search: space, sampler and so on.
        dataset: the task's dataset file, of which training and validation strings are used.
        chosen: where the chosen settings go (JSON).
        table: where the trials go (CSV), one row per trial × seed.
        spec: what the strings must have been drawn from.
        device: auto, cpu or cuda.
        pack: runs that are trained at a time, at most; by default one on a CPU.
        tell: is given lines for people.

    Returns:
        The chosen settings, {dotted key: value}.

    Raises:
        SearchError: no settings of the space are possible, or no width fits the budget.
    """
    device = devices.pick(device)
    task = TaskSettings.from_dict(cell["task"])
    data = load_kind(task).load(dataset, task, spec)
    trials = Trials(
        data, Path(chosen).parent, halving=search.halving, device=device, pack=pack, tell=tell
    )
    drawn: list[Trial] = []
    possible = _Possible(cell, search, data)
    sampler = Sampler(
        search.dimensions,
        method=search.method,
        trials=search.trials,
        seed=search.seed,
        possible=possible,
    )
    with signals.raising():
        while batch := _ask(sampler, possible, drawn):
            taken = {trial.seeds[0] - FIRST for trial in drawn}
            new = []
            for number, settings in batch:
                new.append(_trial(number, possible.settled(settings), cell, search, taken))
                taken.add(new[-1].seeds[0] - FIRST)
            trials.run(new)
            for trial in new:
                sampler.tell(trial.number, trials.accuracy(trial))
            drawn += new
        runs = {trial.number: trials.runs(trial) for trial in drawn}
        ranked = sorted(drawn, key=lambda trial: _order(trial.number, runs[trial.number]))
        with signals.deferred():
            _write_table(table, drawn, runs, ranked[0], data)
            write_chosen(chosen, task.name, ranked[0].cell.model.name, ranked[0].settings)
            trials.clean()
        tell(_verdict(ranked, runs))
    return dict(ranked[0].settings)


class _Possible:
    """Which settings a model can have: heads must divide the width, say, or a width must fit."""

    def __init__(self, cell: Mapping[str, Any], search: SearchSettings, data: Data):
        self.cell, self.search, self.data = cell, search, data
        self.reason = ""
        """Why the last settings that were refused are not possible."""

    def settled(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """What was drawn, with the widths that the budget decides.

        Raises:
            ValueError: no width fits.
        """
        settings, budget, model = dict(settings), self.search.budget or {}, self.cell["model"]
        most = model.get("parameters") or budget.get("parameters")
        if most is None and not budget:
            return settings
        factor = settings.get("feed_forward", model.get("share", model["feed_forward"]))
        begin = settings | {"hidden": 1, "feed_forward": factor}
        drawn = ModelSettings.from_dict(settled(self.cell, begin)["model"])
        sizes = len(self.data.alphabet), len(self.data.classes)
        if most is None:
            settings["hidden"] = solve_width(drawn, budget, *sizes)
            return settings
        solved = solve_size(replace(drawn, parameters=most, share=factor), *sizes)
        settings["hidden"] = solved.hidden
        if solved.feed_forward != settings.get("feed_forward", model["feed_forward"]):
            settings["feed_forward"] = solved.feed_forward
        return settings

    def __call__(self, settings: Mapping[str, Any]) -> bool:
        try:
            model = settled(self.cell, self.settled(settings))["model"]
            build_model(ModelSettings.from_dict(model), self.data, seed=0, dtype="float32")
        except ValueError as error:
            self.reason = str(error)
            return False
        return True


def _ask(
    sampler: Sampler, possible: _Possible, drawn: Sequence[Trial]
) -> list[tuple[int, dict[str, Any]]]:
    """The next trials; empty if there are no more.

    Raises:
        SearchError: there are none at all, or they are too rare to be found.
    """
    try:
        batch = sampler.ask()
    except ValueError as error:
        reason = f" ({possible.reason})" if possible.reason else ""
        raise SearchError(f"search.space: {error}{reason}") from None
    if not batch and not drawn:
        raise SearchError(
            f"search.space: {possible.cell['model']['name']} can have none of these settings "
            f"({possible.reason})"
        )
    return batch


def _trial(
    number: int,
    settings: Mapping[str, Any],
    cell: Mapping[str, Any],
    search: SearchSettings,
    taken: Container[int],
) -> Trial:
    """A trial; `taken` are the first seeds of those before it, less `FIRST`."""
    own, first = Cell.from_dict(settled(cell, settings)), number
    if search.method == "grid":  # where a longer list gives other points this number
        first = place(json.dumps(settings_of(own), sort_keys=True), taken)
    return Trial(number, settings, own, tuple(trial_seeds(first, search.seeds)))


def _order(number: int, runs: Sequence[TrialRun]) -> tuple[float, ...]:
    """What trials are sorted by, the best first; one that diverged comes last of equal ones."""
    n = len(runs)
    epochs = [math.inf if run.status == "diverged" else run.best_epoch for run in runs]
    losses = [math.inf if run.loss is None else run.loss for run in runs]
    return (-sum(run.score for run in runs) / n, sum(epochs) / n, sum(losses) / n, number)


def _verdict(ranked: Sequence[Trial], runs: Mapping[int, Sequence[TrialRun]]) -> str:
    """Which trial is chosen, and why; for people."""
    best, n = ranked[0], len(ranked)
    if all(run.status == "diverged" for own in runs.values() for run in own):
        return f"all {n} trials diverged: the first is chosen, {describe(best)}"
    first, *others = (_order(trial.number, runs[trial.number]) for trial in ranked)
    equal, why = sum(order[0] == first[0] for order in others), "the highest accuracy"
    if equal:
        rules = ("fewer epochs decide", "the lower loss decides", "the lower number decides")
        decides = next(i for i in (1, 2, 3) if others[0][i] != first[i])
        why = f"{equal + 1} trials reach this, and {rules[decides - 1]}"
    return (
        f"chosen of {n}: {describe(best)}, {-first[0]:.1%} on validation strings after "
        f"{first[1]:g} epochs: {why}"
    )


def _write_table(
    path: str | Path,
    trials: Sequence[Trial],
    runs: Mapping[int, Sequence[TrialRun]],
    best: Trial,
    data: Data,
) -> None:
    """Write trials.csv."""
    bins = load_kind(data).columns(data)
    keys = sorted({key for trial in trials for key in trial.settings})
    rows = []
    for trial in trials:
        facts = size(trial.cell.model, len(data.alphabet), len(data.classes))._asdict()
        for seed, run in zip(trial.seeds, runs[trial.number], strict=True):
            names = trial.cell.names | {"trial": trial.number, "seed": seed}
            known = {fact: getattr(run, fact) for fact in FACTS} | run.accuracy
            known |= {"seconds": round(run.seconds, 2), "chosen": trial.number == best.number}
            rows.append(names | dict(trial.settings) | facts | known)
    columns = ["task", "model", "trial", "seed", *keys, "parameters", "state", *FACTS[:4], *bins]
    write_rows(path, [*columns, *FACTS[4:], "seconds", "chosen"], rows)
