"""Learning curves: validation accuracy against epochs, one panel per task, one line per model."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fwp.report import labels
from fwp.report.figures.style import Look, axis_in_percent, draw, grid, log_ticks, looks, settings
from fwp.results.frames import present

X = {"epoch": "Epoch", "strings": "Training strings seen"}


def learning_curves(
    history: pd.DataFrame,
    runs: pd.DataFrame,
    style: Mapping[str, Look] | None = None,
    x: str = "epoch",
) -> Figure:
    """Accuracy on the validation strings after each epoch (the mean over the validation bins).

    Lines are means over seeds, bands reach from the worst to the best seed. A run that has stopped
    counts with the accuracy of the weights it kept until the last seed of its model has stopped; a
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
    curves = continued(history, x)
    diverged = runs.loc[runs["status"] == "diverged", ["task", "model", "seed"]]
    ends = diverged.merge(history.astype({"task": str, "model": str}), on=["task", "model", "seed"])
    ends = ends.groupby(["task", "model", "seed"])[[x]].max().reset_index()
    cross = Line2D(
        [], [], color="black", linestyle="none", marker="x", markersize=4.5, label="diverged"
    )
    with settings():
        figure, axes = grid(
            len(tasks), style, [cross] if len(ends) else [], x=X[x], y="Validation accuracy (%)"
        )
        for axis, task in zip(axes, tasks, strict=True):
            of_task = curves[curves["task"] == task]
            spread = of_task.groupby(["model", x], observed=True)["selection"].agg(
                mean="mean", worst="min", best="max"
            )
            draw(axis, spread.reset_index(), x, style)
            for end in ends[ends["task"] == task].itertuples():
                axis.plot(
                    getattr(end, x), 0, marker="x", markersize=4.5, markeredgewidth=1,
                    color=style[end.model].colour, clip_on=False, zorder=50,
                )  # fmt: skip
            if len(of_task):
                log_ticks(axis, of_task[x].min(), of_task[x].max())
            axis.set_title(labels.task(task), pad=3)
            axis_in_percent(axis)
    return figure


def continued(history: pd.DataFrame, x: str = "epoch") -> pd.DataFrame:
    """The history with runs that stopped early continued at their best accuracy.

    Without this the mean over seeds would be one over fewer and fewer seeds: those that have not
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
