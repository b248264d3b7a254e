"""Accuracy against the size of the state: one panel per task, one marker per model."""

from collections.abc import Mapping
from math import isnan

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fwp.report.figures.lines import page_of_tasks
from fwp.report.figures.state_size import APART, size_axis
from fwp.report.figures.style import GREY, Look, looks
from fwp.report.labels import in_order
from fwp.results.frames import present


def accuracy_by_state(
    accuracy: pd.DataFrame, states: pd.DataFrame, style: Mapping[str, Look] | None = None
) -> Figure:
    """The share of positions right against the numbers that a state holds.

    A filled marker is the mean of the seeds on the longest strings, a hollow one that on the
    shortest; a line joins them. A state that grows with the string stands at the right.

    Args:
        accuracy: the tidy table.
        states: a row per task × model: `state`, missing if it grows.
        style: the models' looks, by default `looks` of the models in the table.
    """
    style = style or looks(present(accuracy["model"]))
    tasks = in_order("task", present(accuracy["task"]))
    kind = {"linestyle": "", "marker": "o", "markersize": 4, "color": GREY}
    keys = [
        Line2D([], [], label="longest strings", markeredgecolor="white", **kind),
        Line2D([], [], label="shortest strings", markerfacecolor="white", **kind),
    ]
    bins = accuracy[accuracy["length"].isna()]
    shares = bins.groupby(["task", "model", "bin"], observed=True)["position_accuracy"].mean()
    ends = shares.groupby(["task", "model"], observed=True).agg(["first", "last"])
    held = states.set_index(["task", "model"])["state"].astype(float)
    points = [
        (str(task), str(model), float(held[task, model]), (first, last))
        for task, model, first, last in ends.reset_index().itertuples(index=False)
    ]
    with page_of_tasks(tasks, style, keys, x="Numbers in the state", y="Positions right (%)") as (
        figure,
        axes,
    ):
        for task, axis in axes.items():
            own = states.loc[states["task"] == task, "state"].astype(float)
            low, high = (own.min(), own.max()) if own.notna().any() else (1.0, 1.0)
            end = APART * high if own.isna().any() else high
            for model, state, reached in [point[1:] for point in points if point[0] == task]:
                look, place = style[model], end if isnan(state) else state
                axis.plot([place] * 2, reached, color=look.colour, linewidth=0.6)
                for share, face in zip(reached, ("white", look.colour), strict=True):
                    axis.plot(
                        place, share, marker=look.marker, color=look.colour, markersize=4.5,
                        markerfacecolor=face, markeredgecolor=look.colour, clip_on=False, zorder=5,
                    )  # fmt: skip
            size_axis(axis, low, high, end)
    return figure
