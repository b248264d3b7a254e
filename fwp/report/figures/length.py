"""Accuracy against string length: one panel per task, one line per model, a band over seeds."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from fwp.report import labels
from fwp.report.figures.style import (
    SHADE,
    Look,
    axis_in_percent,
    draw,
    grid,
    log_ticks,
    looks,
    settings,
)
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

    Lines are means over seeds of `grouped` accuracies, bands reach from the worst to the best seed.

    Args:
        accuracy: the tidy table (`fwp.results.collect`).
        training: shortest and longest training string of each task; those lengths are shaded.
        style: the models' looks, by default `looks` of the models in the table.
    """
    training = training or {}
    style = style or looks(accuracy["model"].unique())
    points = grouped(accuracy)
    tasks = present(accuracy["task"])
    shade = [Patch(facecolor=SHADE, label="training lengths")] if training else []
    with settings():
        figure, axes = grid(len(tasks), style, shade, x="String length", y="Sequence accuracy (%)")
        for axis, task in zip(axes, tasks, strict=True):
            _panel(axis, points[points["task"] == task], training.get(task), style)
            bins = accuracy.loc[accuracy["task"] == task, "bin"].unique()
            limits = [limit for bin in bins for limit in Bin.parse(bin)]
            log_ticks(axis, min(limits), max(limits))
            axis.set_title(labels.task(task), pad=3)
            axis_in_percent(axis)
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
    rows["log"] = np.log(rows["length"].astype(float).fillna(np.sqrt(low * high)))
    span = np.log(high + 1) - np.log(low)
    count = np.ceil(span / GROUP).clip(lower=1)
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


def _panel(axis: Axes, points: pd.DataFrame, training, style: Mapping[str, Look]) -> None:
    if training:
        axis.axvspan(*training, color=SHADE, linewidth=0, zorder=0)
    spread = points.groupby(["model", "bin", "group"], observed=True).agg(
        length=("length", "mean"),
        mean=("accuracy", "mean"),
        worst=("accuracy", "min"),
        best=("accuracy", "max"),
    )
    draw(axis, spread.reset_index(), "length", style)
