"""Learning curves: validation accuracy against epochs, one panel per task, one line per model."""

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
    """Accuracy on the validation strings after each epoch (the mean over the validation bins).

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
    rows = history[["task", "model", "seed", x, "selection"]].assign(
        selection=history["selection"].fillna(0.0)
    )
    wide = rows.pivot_table(
        index=["task", "model", x], columns="seed", values="selection", observed=True
    )
    cells = wide.groupby(["task", "model"], observed=True)
    started = cells.transform(lambda values: values.notna().cummax())
    wide = wide.fillna(
        cells.cummax().groupby(["task", "model"], observed=True).ffill().where(started)
    )
    return wide.melt(value_name="selection", ignore_index=False).dropna().reset_index()
