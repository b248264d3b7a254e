"""What it takes to be right: share of seeds that have got there, against the compute spent."""

from collections.abc import Mapping

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from fwp.report.figures.lines import log_ticks, page_of_tasks
from fwp.report.figures.style import Look, looks, semantics
from fwp.results import survival
from fwp.results.frames import present

X = {"epochs": "Epochs", "strings": "Training strings", "seconds": "Seconds of training"}


def solved_by(
    history: pd.DataFrame,
    runs: pd.DataFrame,
    style: Mapping[str, Look] | None = None,
    x: str = "epochs",
) -> Figure:
    """Share of seeds at 100 % of the validation strings, against epochs, strings or seconds.

    One panel per task, one line per model: one minus the Kaplan-Meier
    estimate (`fwp.results.survival`). A line ends where the last of its
    seeds ended; what is then missing to 100 % never got there.

    Args:
        history, runs: the tidy tables (`fwp.results.collect`).
        style: the models' looks, by default `looks` of the models in `runs`.
        x: what the axis shows.
    """
    if x not in X:
        raise ValueError(f"x must be {', '.join(X)}; got {x!r}")
    style = style or looks(runs["model"].unique())
    curves = survival.curves(survival.cost_per_run(history, runs), x)
    tasks = present(runs["task"])
    with page_of_tasks(tasks, style, x=X[x], y="Seeds at 100 % (%)") as (figure, axes):
        for task, axis in axes.items():
            of_task = curves[curves["task"] == task]
            # What costs nothing, where every line begins, has no place on a log axis.
            high = of_task[x].max()
            low = min(of_task.loc[of_task[x] > 0, x].min(), high / 10)
            of_task = of_task.assign(**{x: of_task[x].clip(lower=low / 1.05)})
            sns.lineplot(
                of_task, x=x, y="solved", drawstyle="steps-post", estimator=None, sort=False,
                clip_on=False, ax=axis, **semantics(style),
            )  # fmt: skip
            for line in axis.lines:
                line.set_markevery([-1])  # where it ends
            log_ticks(axis, low, high)
    return figure
