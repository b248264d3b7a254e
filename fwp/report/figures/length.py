"""Accuracy against string length: one panel per task, one line per model, thin ones per seed."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from fwp.report.figures.lines import curves, log_ticks, page_of_tasks
from fwp.report.figures.style import SHADE, Look, looks
from fwp.results.frames import present
from fwp.utils.bins import Bin

# Neighbouring lengths whose ratio is below about e^0.2 = 1.22 share a point of the line: few
# strings are tested per length, so that a line through single lengths would show chance.
GROUP = 0.2


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
            limits = [limit for bin in bins for limit in Bin.parse(bin)]
            log_ticks(axis, min(limits), max(limits))
    return figure


def grouped(accuracy: pd.DataFrame) -> pd.DataFrame:
    """Accuracy per run and group of neighbouring lengths.

    Each bin is cut into groups of about equal width on a log scale, so that no group reaches across
    the end of a bin; a group's accuracy is the mean over its lengths, weighted by their numbers of
    strings. Where accuracy was not measured per length a bin is one group.

    Returns:
        A frame with columns task, model, seed, length (geometric mean of the group's) and accuracy.
    """
    rows = accuracy.assign(accuracy=accuracy["sequence_accuracy"].fillna(0.0))
    low, high = (
        rows["bin"].map({bin: Bin.parse(bin)[i] for bin in rows["bin"].unique()}).astype(float)
        for i in (0, 1)
    )
    whole = rows["length"].isna()
    measured = set(map(tuple, rows.loc[~whole, ["task", "model"]].drop_duplicates().to_numpy()))
    pairs = pd.Series(list(zip(rows["task"], rows["model"], strict=True)), index=rows.index)
    rows["log"] = np.log(rows["length"].astype(float).fillna((low * high) ** 0.5))
    span = np.log(high + 1) - np.log(low)
    count = np.maximum(np.ceil(span / GROUP), 1)
    rows["group"] = ((rows["log"] - np.log(low)) / span * count).astype(int).where(~whole, -1)
    rows = rows[~whole | ~pairs.isin(measured)]
    rows = rows.assign(
        weighted=rows["accuracy"] * rows["strings"], log=rows["log"] * rows["strings"]
    )
    keys = ["task", "model", "seed", "bin", "group"]
    sums = rows.groupby(keys, observed=True)[["weighted", "log", "strings"]].sum()
    return pd.DataFrame(
        {
            "length": np.exp(sums["log"] / sums["strings"]),
            "accuracy": sums["weighted"] / sums["strings"],
        }
    ).reset_index()
