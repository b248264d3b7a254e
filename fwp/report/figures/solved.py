"""What it takes to solve a task: share of runs that have solved it, against the compute spent."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from fwp.report.figures.lines import draw, log_ticks, page_of_tasks
from fwp.report.figures.style import Look, looks
from fwp.results import training_cost
from fwp.results.frames import groups, present

X = {"epochs": "Epochs", "strings": "Training strings", "seconds": "Seconds of training"}
LONG = 60  # ratio of the longest to the shortest cost, from which on the axis is logarithmic


def solved_by(
    history: pd.DataFrame,
    runs: pd.DataFrame,
    style: Mapping[str, Look] | None = None,
    x: str = "epochs",
) -> Figure:
    """Share of runs at 100 % of the validation strings, against epochs, strings or seconds.

    One panel per task, one line per model: one minus the Kaplan-Meier
    estimate (`fwp.results.training_cost`). A line ends where the last of its
    runs ended, at its marker; what is then missing to 100 % never got there.

    Args:
        history, runs: the tidy tables (`fwp.results.collect`).
        style: the models' looks, by default `looks` of the models in `runs`.
        x: what the axis shows.
    """
    if x not in X:
        raise ValueError(f"x must be {', '.join(X)}; got {x!r}")
    style = style or looks(runs["model"].unique())
    shares = training_cost.solved_shares(training_cost.cost_per_run(history, runs), x)
    tasks = present(runs["task"])
    with page_of_tasks(tasks, style, x=X[x], y="Solved runs (%)", ending=True) as (figure, axes):
        for task, axis in axes.items():
            of_task = shares[shares["task"] == task]
            least, most = of_task.loc[of_task[x] > 0, x].min(), of_task[x].max()
            # What costs nothing, where every line begins, has no place on a log axis.
            low = least / 1.5 if most > LONG * least else 0.0
            own = dict(groups(of_task, "model"))
            for i, (name, look) in enumerate(style.items()):
                if name in own:
                    costs = own[name][x].clip(lower=low)
                    draw(
                        axis, name, look, costs, own[name]["solved"],
                        drawstyle="steps-post", zorder=3 + i,
                    )  # fmt: skip
            log_ticks(axis, low, most)
    return figure
