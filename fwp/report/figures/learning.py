"""Learning curves: validation accuracy against epochs, one panel per task, one line per model.

Where accuracy is measured within epochs as well (`training.validate_every`), the axis of training
strings shows every measurement, and that of epochs the last one of each.
"""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fwp.report.figures.lines import curves, log_ticks, page_of_tasks
from fwp.report.figures.style import CROSS, Look, looks
from fwp.results.frames import present

X = {"epoch": "Epoch", "strings": "Training strings seen"}
LONG = 60  # epochs, from which on the axis is logarithmic


def learning_curves(
    history: pd.DataFrame,
    runs: pd.DataFrame,
    style: Mapping[str, Look] | None = None,
    x: str = "epoch",
) -> Figure:
    """Accuracy on the validation strings in the course of training (the mean over their bins).

    Lines are medians over seeds, thin lines are the seeds. A run that has stopped counts with the
    accuracy of the weights it kept until the last seed of its model has stopped, at the marker; a
    cross marks where a run diverged.

    Args:
        history: the tidy table (`fwp.results.collect`).
        runs: the table of runs; it says which diverged.
        style: the models' looks, by default `looks` of the models in `runs`.
        x: what the axis shows: "epoch" or "strings", the training strings seen so far.
    """
    if x not in X:
        raise ValueError(f"x must be {' or '.join(X)}, got {x!r}")
    style = style or looks(runs["model"].unique())
    tasks = present(runs["task"])
    rows = continued(history, x)
    diverged = runs.loc[runs["status"] == "diverged", ["task", "model", "seed"]]
    ends = diverged.merge(history.astype({"task": str, "model": str}), on=["task", "model", "seed"])
    ends = ends.groupby(["task", "model", "seed"])[[x]].max().reset_index()
    cross = CROSS | {"color": "black", "markeredgewidth": 1, "clip_on": False, "zorder": 50}
    key = [Line2D([], [], label="diverged", **cross)] if len(ends) else []
    y = "Validation accuracy (%)"
    with page_of_tasks(tasks, style, key, x=X[x], y=y, ending=True) as (figure, axes):
        for task, axis in axes.items():
            of_task = rows[rows["task"] == task]
            if len(of_task):
                curves(axis, of_task, x, "selection", style)
                log_ticks(axis, of_task[x].min(), of_task[x].max(), LONG)
            for end in ends[ends["task"] == task].itertuples():
                (point,) = axis.plot(getattr(end, x), 0)
                point.set(**cross | {"color": style[str(end.model)].colour})
    return figure


def continued(history: pd.DataFrame, x: str = "epoch") -> pd.DataFrame:
    """The history with runs that stopped early continued at their best accuracy.

    Without this the median over seeds would be one over fewer and fewer seeds: those that have not
    solved the task.
    """
    run = ["task", "model", "seed"]
    rows = history[[*run, x, "selection"]].assign(selection=history["selection"].fillna(0.0))
    rows["best"] = rows.groupby(run, observed=True)["selection"].cummax()
    rows = rows.drop_duplicates([*run, x], keep="last")
    wide, best = (
        rows.pivot_table(index=["task", "model", x], columns="seed", values=y, observed=True)
        for y in ("selection", "best")
    )
    wide = wide.fillna(best.groupby(["task", "model"], observed=True).ffill())
    return wide.melt(value_name="selection", ignore_index=False).dropna().reset_index()
