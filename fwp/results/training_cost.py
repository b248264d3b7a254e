"""How much compute a run takes until it has solved its task, by methods of survival analysis.

A run that gets every validation string right does so after so many epochs, training strings and
seconds. One that does not is censored: it would have taken longer than its budget. A run that
diverged never gets there, however long it lasts.
"""

import numpy as np
import pandas as pd

from fwp.results.frames import groups
from fwp.results.statistics import CELL

COSTS = ("epochs", "strings", "seconds")


def cost_per_run(history: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """What every run has spent when it ended.

    Returns:
        One row per run: task, model, seed, solved, epochs, strings, seconds. Of a run that
        diverged, as much as the longest run of its model on its task.
    """
    ends = history.groupby([*CELL, "seed"], observed=True).agg(
        epochs=("epoch", "max"), strings=("strings", "max"), seconds=("seconds", "max")
    )
    rows = runs[[*CELL, "seed", "status"]].join(ends, on=[*CELL, "seed"], how="inner")
    longest = rows.groupby(CELL, observed=True)[list(COSTS)].transform("max")
    diverged = rows["status"] == "diverged"
    rows[list(COSTS)] = rows[list(COSTS)].mask(diverged, longest)
    return rows.assign(solved=rows["status"] == "solved").drop(columns="status")


def solved_shares(rows: pd.DataFrame, cost: str = "epochs") -> pd.DataFrame:
    """One minus the Kaplan-Meier estimate: the share of runs that have solved the task by a cost.

    Args:
        rows: of `cost_per_run`.
        cost: epochs, strings or seconds.

    Returns:
        task, model, the cost, and solved, the share from this cost on: a step function, from cost 0
        to the largest of the model on the task.
    """
    from statsmodels.duration.survfunc import SurvfuncRight

    parts = []
    for (task, model), own in groups(rows, CELL, sort=False):
        times, shares = np.zeros(0), np.zeros(0)
        if own["solved"].any():  # statsmodels wants an event
            estimate = SurvfuncRight(own[cost].to_numpy(float), own["solved"].to_numpy(float))
            times, shares = estimate.surv_times, 1 - np.asarray(estimate.surv_prob)
        last = own[cost].max()
        times = np.concatenate([[0.0], times, [last]])
        shares = np.concatenate([[0.0], shares, shares[-1:] if len(shares) else [0.0]])
        parts.append(pd.DataFrame({"task": task, "model": model, cost: times, "solved": shares}))
    return pd.concat(parts, ignore_index=True)


def medians(rows: pd.DataFrame) -> pd.DataFrame:
    """What half of the seeds need: per task × model the median of every cost.

    Infinite where fewer than half of the seeds get there.
    """
    result = []
    for (task, model), own in groups(rows, CELL):
        facts = {
            "task": task,
            "model": model,
            "seeds": len(own),
            "solved": int(own["solved"].sum()),
        }
        for cost in COSTS:
            reached = own[cost].where(own["solved"], np.inf).sort_values()
            facts[cost] = reached.iloc[(len(own) - 1) // 2]
        result.append(facts)
    return pd.DataFrame(result)
