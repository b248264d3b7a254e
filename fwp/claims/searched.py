"""How many settings of a search reach what a claim is about.

Counted on validation strings, since trials never see a test string. So the count is of a bin that
is a bin of validation too; of other bins, only the number of settings tried is known.
"""

from typing import Any

import pandas as pd

from fwp.utils.bins import accuracy_column

ROUNDING = 1e-9  # of a mean of equal accuracies


class Trials:
    """The trials of a search, by cell.

    Args:
        frame: the tidy table (`fwp.results.trials`); None if there was no search.
    """

    def __init__(self, frame: pd.DataFrame | None):
        self._cells: dict = {}
        self._bins: dict[str, set[str]] = {}
        if frame is None:
            return
        self._cells = dict(list(frame.groupby(["task", "model"], observed=True)))
        for task, of_task in frame.groupby("task", observed=True):
            self._bins[str(task)] = set(of_task.columns[of_task.notna().any()])

    def tried(self, task: str, model: str) -> dict[str, int]:
        """How many settings were tried for a cell: fields of `fwp.claims.evidence.Evidence`.

        Empty if the cell was not searched.
        """
        rows = self._cells.get((task, model))
        if rows is None:
            return {}
        trials = rows.groupby("trial", observed=True)
        return {
            "settings": trials.ngroups,
            "settings_seeds": int(trials["seed"].nunique().max()),
            "settings_pruned": int((rows["status"] == "pruned").groupby(rows["trial"]).any().sum()),
        }

    def counts(
        self, task: str, model: str, bin: str, *, threshold: float, any_seed: bool
    ) -> dict[str, Any]:
        """How many settings were tried for a cell, and how many reach a threshold.

        Args:
            bin: of test strings, such as "51-100".
            threshold: a sequence accuracy, which the mean over the seeds of a trial must reach or,
                if `any_seed`, that of one seed. A run that diverged has 0.

        Returns:
            The fields of `fwp.claims.evidence.Evidence` that begin with "settings"; empty if the
            cell was not searched.
        """
        rows = self._cells.get((task, model))
        if rows is None:
            return {}
        facts: dict[str, Any] = self.tried(task, model)
        column = accuracy_column(bin)
        if column in self._bins[task]:
            lost = rows["status"] == "diverged"
            of_trials = rows[column].mask(lost, 0.0).fillna(0.0).groupby(rows["trial"])
            accuracy = of_trials.max() if any_seed else of_trials.mean()
            facts["settings_reached"] = int((accuracy >= threshold - ROUNDING).sum())
        return facts
