"""Every seed as a point: sequence accuracy by model, one panel per task."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from fwp.report import labels
from fwp.report.figures.style import (
    NORMAL,
    Look,
    axis_in_percent,
    is_last_in_column,
    looks,
    panels,
    settings,
    text_width,
)
from fwp.results import statistics
from fwp.results.frames import present

COLUMN = 0.24  # inches per model


def strip(
    accuracy: pd.DataFrame, style: Mapping[str, Look] | None = None, bin_index: int = 1
) -> Figure:
    """Sequence accuracy of every seed on one bin; a bar marks the median.

    Points are spread sideways so that equal ones can be counted. A run that diverged is a cross.

    Args:
        accuracy: the tidy table (`fwp.results.collect`).
        style: the models' looks, by default `looks` of the models in the table.
        bin_index: which bin of each task, 0 for the shortest strings; its last where it has fewer.
    """
    style = style or looks(accuracy["model"].unique())
    rows = statistics.by_bin(accuracy)
    own = rows.groupby("task", observed=True)["bin_index"]
    last = own.transform(lambda index: sorted(index.unique())[: bin_index + 1][-1])
    rows = rows[rows["bin_index"] == last]
    tasks = present(rows["task"])
    models = [name for name in style if (rows["model"] == name).any()]
    hang = max(text_width(labels.model(name), NORMAL) for name in models) + 0.1
    names = rows[["task", "bin"]].drop_duplicates().itertuples(index=False)
    titles = {task: f"{labels.task(task)}, {labels.lengths(bin)}" for task, bin in names}
    title = max(text_width(text, NORMAL) for text in titles.values())
    width = max(COLUMN * len(models), title + 0.1)
    columns = max(1, min(len(tasks), int(7.5 / (width + 0.2))))
    with settings():
        figure, axes = panels(
            len(tasks), columns, (width, 1.2), (0.2, 0.34), 0.5, 0.1, 0.24, hang + 0.05
        )
        for i, (axis, task) in enumerate(zip(axes, tasks, strict=True)):
            for x, name in enumerate(models):
                cell = rows[(rows["task"] == task) & (rows["model"] == name)]
                _draw(axis, x, cell.sort_values("seed"), style[name])
            axis.set_title(titles[task], loc="left", pad=3)
            axis.set_xlim(-0.6, len(models) - 0.4)
            axis.set_xticks(range(len(models)))
            axis.set_xticklabels(
                map(labels.model, models) if is_last_in_column(i, len(axes), columns) else [],
                rotation=90, fontsize=NORMAL,
            )  # fmt: skip
            axis_in_percent(axis)
            axis.tick_params(labelleft=i % columns == 0)
            axis.spines[["top", "right"]].set_visible(False)
            if i % columns == 0:
                axis.set_ylabel("Sequence accuracy (%)", labelpad=2)
    return figure


def _draw(axis, x: int, cell: pd.DataFrame, look: Look) -> None:
    values = cell["sequence_accuracy"].to_numpy()
    if not len(values):
        return
    spread = np.linspace(-0.3, 0.3, len(values)) if len(values) > 1 else np.zeros(1)
    diverged = (cell["status"] == "diverged").to_numpy()
    points = {"color": look.colour, "s": 7, "linewidth": 0.6, "clip_on": False, "zorder": 3}
    axis.scatter(x + spread[~diverged], values[~diverged], alpha=0.75, **points)
    axis.scatter(x + spread[diverged], values[diverged], marker="x", **points)
    axis.plot([x - 0.4, x + 0.4], [np.median(values)] * 2, color="#1b1b1b", linewidth=0.9)
