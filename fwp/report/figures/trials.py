"""Accuracy of every trial against each searched setting: per task a panel for each setting."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from fwp.report import labels, search_words
from fwp.report.figures.apart import offsets, shift
from fwp.report.figures.layout import page
from fwp.report.figures.lines import in_percent
from fwp.report.figures.style import CROSS, Look, looks
from fwp.results.frames import present
from fwp.results.trial_statistics import by_trial
from fwp.results.trials import settings_of

SIZE = (1.5, 0.95)  # of a panel in inches
ACROSS = 5  # panels side by side, where a task has fewer
DECADES = 10  # ratio of the largest to the smallest value, from which on the axis is logarithmic
FEW = 6  # values of a number that may be drawn as strips
MANY, PALE = 40, 0.6  # trials of a model, from which on its points are paler
LETTERS = 20  # in a row below a panel
STRIP = 0.8  # width of a strip, of the distance between two
POINT: dict[str, Any] = {"marker": "o", "markersize": 2.2, "linestyle": "", "markeredgewidth": 0}
RING: dict[str, Any] = {
    "marker": "o",
    "markersize": 4.6,
    "linestyle": "",
    "markerfacecolor": "none",
}
RING |= {"markeredgewidth": 0.8, "markeredgecolor": "#1b1b1b"}
DIVERGED: dict[str, Any] = CROSS | {"markersize": 3.2, "markeredgewidth": 0.7}


def accuracy_by_setting(trials: pd.DataFrame, style: Mapping[str, Look] | None = None) -> Figure:
    """Validation accuracy of every trial (mean over its seeds) against each setting, rate first.

    A ring marks the chosen trial of each model, and a cross a trial that diverged. Numbers have an
    axis, which is logarithmic if they span decades. A setting with few values has a strip per
    value, where each model has a place of its own and a bar at its median.

    Args:
        trials: the tidy table (`fwp.results.trials`).
        style: the models' looks, by default `looks` of the models in `trials`.
    """
    style = style or looks(labels.in_order("model", present(trials["model"])))
    points, keys = by_trial(trials), search_words.in_order(settings_of(trials))
    tasks = labels.in_order("task", present(points["task"]))
    lost = bool((points["diverged"] > 0).any())
    count = len(tasks) * len(keys)
    columns = min(count, len(keys) * max(1, ACROSS // len(keys)))  # whole rows of tasks
    with page(
        count, columns, SIZE, shared="y", legend=_legend(style, lost=lost), narrowest=2.4
    ) as (figure, axes):
        panels = iter(axes)
        for task in tasks:
            own = points[points["task"] == task]
            for i, key in enumerate(keys):
                axis = next(panels)
                numbers = _panel(axis, points, own, key, style)
                axis.set_xlabel(_label(key))
                if i == 0:
                    axis.set_title(labels.task(task), loc="left")
                if axes.index(axis) % columns == 0:
                    axis.set_ylabel("Validation (%)")
                if numbers:  # in a strip each model has a place of its own
                    shift(axis, offsets(list(style)))
    return figure


def _label(key: str) -> str:
    name = search_words.setting(key)
    return name[0].upper() + name[1:]


def _panel(
    axis: Axes, points: pd.DataFrame, own: pd.DataFrame, key: str, style: Mapping[str, Look]
) -> bool:
    """One setting of one task, with the scale of all tasks; returns whether it has numbers."""
    own, values = own[own[key].notna()], points[key].dropna()
    of_cells = points.groupby(["task", "model"], observed=True)["trial"].size()
    if strips := _strips(values, of_cells.max()):
        places = _strip_places(own, key, strips, style)
        names = [search_words.value(value) for value in strips]
        slant = {"rotation": 25, "ha": "right", "va": "top", "rotation_mode": "anchor"}
        long = len("".join(names)) > LETTERS
        axis.set_xticks(range(len(strips)), names, **slant if long else {})
        axis.set_xlim(-0.55, len(strips) - 0.45)
    else:
        places = own[key].astype(float)
        _numbers(axis, float(values.min()), float(values.max()))
    own = own.assign(place=places)
    for i, (model, look) in enumerate(style.items()):
        rows = own[own["model"] == model]
        best, lost = rows[rows["chosen"]], rows[rows["diverged"] > 0]
        common: dict[str, Any] = {"clip_on": False, "label": model, "zorder": 3 + i}
        above, alpha = common | {"zorder": 40 + i}, PALE if len(rows) > MANY else 1
        layers: list[tuple[pd.DataFrame, dict[str, Any]]] = [
            (rows[rows["diverged"] == 0], POINT | common | {"alpha": alpha}),
            (lost, DIVERGED | common),
            (best, RING | above),
            (best, POINT | above),
        ]
        for trials, drawn in layers:
            if len(trials):
                axis.plot(trials["place"], trials["selection"], color=look.colour, **drawn)
    if strips:
        _medians(axis, own, key, strips, style)
    in_percent(axis)
    return not strips


def _strips(values: pd.Series, trials: int) -> list:
    """The values that get a strip each, in order; none for numbers of which there are many."""
    distinct = values.unique().tolist()
    if values.dtype.kind not in "iuf":  # numbers among them, which null keeps from being a column
        return sorted(distinct, key=_in_order)
    repeated = values.dtype.kind != "f" or trials >= 2 * len(distinct)
    return sorted(distinct) if len(distinct) <= FEW and repeated else []


def _in_order(text: str) -> tuple[float, str]:
    """Numbers come first, by size."""
    try:
        return float(text), text
    except ValueError:
        return float("inf"), text


def _slots(own: pd.DataFrame, style: Mapping[str, Look]) -> dict[str, float]:
    """Where each model stands in a strip, from its middle."""
    models = [name for name in style if (own["model"] == name).any()]
    width = STRIP / max(len(models), 1)
    return {name: (i + 0.5) * width - STRIP / 2 for i, name in enumerate(models)}


def _strip_places(
    own: pd.DataFrame, key: str, strips: list, style: Mapping[str, Look]
) -> np.ndarray:
    """Where each trial stands: in the strip of its value, the place of its model, side by side."""
    slots = _slots(own, style)
    width = 0.75 * STRIP / max(len(slots), 1)
    trials = own.groupby(["model", key], observed=True)["trial"]
    beside = (trials.cumcount() + 0.5) / trials.transform("size") - 0.5
    middle = own["model"].astype(str).map(slots).astype(float)
    strip = own[key].map({value: i for i, value in enumerate(strips)}).astype(float)
    return (strip + middle + width * beside.astype(float)).to_numpy()


def _medians(
    axis: Axes, own: pd.DataFrame, key: str, strips: list, style: Mapping[str, Look]
) -> None:
    slots = _slots(own, style)
    half = 0.5 * STRIP / max(len(slots), 1)
    found = own.groupby(["model", key], observed=True)["selection"].median()
    x = np.array([strips.index(value) + slots[model] for model, value in found.index])
    colours = [style[model].colour for model, _ in found.index]
    axis.hlines(found, x - half, x + half, colors=colours, linewidth=1.2, zorder=2, clip_on=False)


def _numbers(axis: Axes, low: float, high: float) -> None:
    """An axis of numbers, logarithmic if they span decades."""
    plain = FuncFormatter(lambda value, _: search_words.value(value))
    if low > 0 and high >= DECADES * low:
        axis.set(xscale="log", xlim=(low / 1.25, high * 1.25))
        fine = high < 50 * low
        axis.xaxis.set_major_locator(LogLocator(10, subs=(1, 3) if fine else (1,)))
        axis.xaxis.set_minor_locator(LogLocator(10, subs=range(2, 10)))
        axis.xaxis.set_minor_formatter(NullFormatter())
    else:
        pad = 0.06 * (high - low) or 0.5
        axis.set_xlim(low - pad, high + pad)
        axis.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    axis.xaxis.set_major_formatter(plain)


def _legend(style: Mapping[str, Look], *, lost: bool) -> list[Line2D]:
    point: dict[str, Any] = POINT | {"markersize": 3.5}
    entries = [
        Line2D([], [], color=look.colour, label=labels.model(name), **point)
        for name, look in style.items()
    ]
    entries.append(Line2D([], [], label="chosen", **RING))
    if lost:
        entries.append(Line2D([], [], color="black", label="diverged", **DIVERGED))
    return entries
