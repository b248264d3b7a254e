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
from fwp.results.frames import groups, present


def sizes(traced: pd.DataFrame) -> pd.DataFrame:
    """The size of the state of each task × model, in bytes; missing if it grows to the end.

    Args:
        traced: the rows of `fwp.analysis.traces`.
    """
    rows = []
    for (task, model), own in groups(traced, ["task", "model"], sort=False):
        ends = own.groupby("position")["state_bytes"].max().tail(2)
        size = ends.iloc[-1] if ends.nunique() == 1 else pd.NA
        rows.append({"task": task, "model": model, "state": size})
    return pd.DataFrame(rows, columns=["task", "model", "state"]).astype({"state": "Int64"})


def accuracy_by_state(
    accuracy: pd.DataFrame,
    states: pd.DataFrame,
    style: Mapping[str, Look] | None = None,
    *,
    unit: str = "Numbers",
) -> Figure:
    """The share of positions right against the size of the state.

    A filled marker is the mean of the seeds on the longest strings, a hollow one that on the
    shortest; a line joins them. A state that grows with the string stands at the right.

    Args:
        accuracy: the tidy table.
        states: a row per task × model that is drawn: `state`, missing if it grows.
        style: the models' looks, by default `looks` of the models in the table.
        unit: of the sizes.
    """
    style = style or looks(present(accuracy["model"]))
    held = states.set_index(["task", "model"])["state"].astype(float)
    keys = zip(accuracy["task"], accuracy["model"], strict=True)
    accuracy = accuracy[[key in held.index for key in keys]]
    style = {name: style[name] for name in present(accuracy["model"])}
    tasks = in_order("task", present(accuracy["task"]))
    kind = {"linestyle": "", "marker": "o", "markersize": 4, "color": GREY}
    keys = [
        Line2D([], [], label="longest strings", markeredgecolor="white", **kind),
        Line2D([], [], label="shortest strings", markerfacecolor="white", **kind),
    ]
    bins = accuracy[accuracy["length"].isna()]
    shares = bins.groupby(["task", "model", "bin"], observed=True)["position_accuracy"].mean()
    ends = shares.groupby(["task", "model"], observed=True).agg(["first", "last"])
    points = [
        (str(task), str(model), float(held[task, model]), (first, last))
        for task, model, first, last in ends.reset_index().itertuples(index=False)
    ]
    with page_of_tasks(tasks, style, keys, x=f"{unit} in the state", y="Positions right (%)") as (
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
