"""Accuracy against string length: one panel per task, one line per model, thin ones per seed."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from fwp.report.figures.lines import curves, log_ticks, page_of_tasks
from fwp.report.figures.style import SHADE, Look, looks
from fwp.results.frames import present
from fwp.results.lengths import grouped
from fwp.utils.named_bins import NamedBin


def accuracy_by_length(
    accuracy: pd.DataFrame,
    training: Mapping[str, tuple[int, int]] | None = None,
    style: Mapping[str, Look] | None = None,
) -> Figure:
    """Sequence accuracy against string length.

    Lines are medians over seeds of `grouped` accuracies, thin lines are the seeds.

    Args:
        accuracy: the tidy table (`fwp.results.collect`).
        training: shortest and longest training string of each task; those lengths are shaded.
        style: the models' looks, by default `looks` of the models in the table.
    """
    training = training or {}
    style = style or looks(accuracy["model"].unique())
    points = grouped(accuracy)
    tasks = present(accuracy["task"])
    shade = [Patch(facecolor=SHADE, label="training lengths")] * bool(training)
    y = "Sequence accuracy (%)"
    with page_of_tasks(tasks, style, shade, x="String length", y=y) as (figure, axes):
        for task, axis in axes.items():
            curves(axis, points[points["task"] == task], "length", "accuracy", style)
            if task in training:
                axis.axvspan(*training[task], color=SHADE, linewidth=0, zorder=0)
            bins = accuracy.loc[accuracy["task"] == task, "bin"].unique()
            limits = [limit for bin in bins for limit in NamedBin.parse(bin)]
            log_ticks(axis, min(limits), max(limits))
    return figure
