"""Every seed as a point: sequence accuracy by model, one panel per task."""

from collections.abc import Mapping

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from fwp.report import labels
from fwp.report.figures.layout import page
from fwp.report.figures.lines import in_percent
from fwp.report.figures.style import NORMAL, Look, looks
from fwp.results import statistics
from fwp.results.frames import present

WIDTH, ROW = 1.3, 0.16  # of a panel and of a model in it, in inches


def strip(
    accuracy: pd.DataFrame, style: Mapping[str, Look] | None = None, bin_index: int = 1
) -> Figure:
    """Sequence accuracy of every seed on one bin, with a box from quartile to quartile.

    The bar in the box is the median. Points are spread across their row so that equal ones can be
    counted. A run that diverged is a cross.

    Args:
        accuracy: the tidy table (`fwp.results.collect`).
        style: the models' looks, by default `looks` of the models in the table.
        bin_index: which bin of each task, 0 for the shortest strings; its last where it has fewer.
    """
    style = style or looks(accuracy["model"].unique())
    rows = statistics.by_bin(accuracy)
    own = rows.groupby("task", observed=True)["bin_index"]
    last = own.transform(lambda index: sorted(index.unique())[: bin_index + 1][-1])
    rows = rows[rows["bin_index"] == last].sort_values("seed")
    tasks = present(rows["task"])
    models = [name for name in style if (rows["model"] == name).any()]
    runs = rows.groupby(["task", "model"], observed=True)["seed"]
    place = (runs.cumcount() + 0.5) / runs.transform("size") - 0.5
    row = rows["model"].map({name: i for i, name in enumerate(models)}).astype(float)
    rows = rows.assign(row=row + 0.8 * place, diverged=rows["status"] == "diverged")
    columns = min(len(tasks), 4 if len(tasks) <= 16 else 6)
    size = (WIDTH, max(0.5, ROW * len(models)))
    x = "Sequence accuracy (%)"
    with page(len(tasks), columns, size, x=x, shared="xy", narrowest=2.0) as (figure, axes):
        for axis, task in zip(axes, tasks, strict=True):
            cell = rows[rows["task"] == task]
            box = {"color": "#dddddd", "linewidth": 7, "solid_capstyle": "butt", "zorder": 1}
            sns.pointplot(
                cell, x="sequence_accuracy", y="model", order=models, estimator="median",
                errorbar=("pi", 50), err_kws=box, linestyle="none", marker="|", markersize=10,
                markeredgewidth=0.9, markeredgecolor="#1b1b1b", zorder=2, ax=axis,
            )  # fmt: skip
            sns.scatterplot(
                cell, x="sequence_accuracy", y="row", hue="model", hue_order=models,
                style="diverged", style_order=[False, True], markers=["o", "X"],
                size="diverged", sizes=[6, 16], size_order=[False, True],
                palette={name: style[name].colour for name in models}, linewidth=0.6,
                clip_on=False, alpha=0.75, legend=False, zorder=3, ax=axis,
            )  # fmt: skip
            axis.set_title(f"{labels.task(task)}, {labels.lengths(cell['bin'].iloc[0])}")
            axis.set_yticks(range(len(models)), map(labels.model, models), fontsize=NORMAL)
            axis.set(ylabel="", ylim=(len(models) - 0.4, -0.6))
            in_percent(axis, "x")
    return figure
