"""Loss against the size of the state: one panel per text, one marker per model."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, NullLocator

from fwp.report.figures.lines import page_of_tasks
from fwp.report.figures.losses import bits_label, finite, loss_axis
from fwp.report.figures.style import GREY, SMALL, Look, looks
from fwp.report.labels import in_order
from fwp.results.frames import present
from fwp.results.text_facts import TextFacts

APART = 2.5  # a state that grows stands so many times as far as the largest one
NEAR = 1.1  # ratio of sizes whose numbers would stand over each other


def loss_by_state(
    summary: pd.DataFrame,
    facts: Mapping[str, TextFacts],
    style: Mapping[str, Look] | None = None,
) -> Figure:
    """Bits per byte against the numbers that a state holds.

    A filled marker is the loss beyond the training context, a hollow one that within it; a line
    joins them. Bars are 95 % intervals. A state that grows with the text stands at the right. A
    panel reaches as far up as the losses within the context: what is worse stands at its top.

    Args:
        summary: `fwp.results.text_summary.summarise_text`.
        facts: of each text.
        style: the models' looks, by default `looks` of the models in the table.
    """
    style = style or looks(summary["model"].unique())
    tasks = in_order("task", present(summary["task"]))
    kind = {"linestyle": "", "marker": "o", "markersize": 4, "color": GREY}
    keys = [
        Line2D([], [], label="beyond the context", markeredgecolor="white", **kind),
        Line2D([], [], label="within the context", markerfacecolor="white", **kind),
    ]
    label = bits_label({task: facts[task] for task in tasks})
    x = "Numbers in the state"
    with page_of_tasks(tasks, style, keys, x=x, y=label, shares=False) as (figure, axes):
        for task, axis in axes.items():
            own = summary[(summary["task"] == task) & (summary["state"].fillna(1) > 0)]
            sizes = own["state"].astype(float)
            low, high = (sizes.min(), sizes.max()) if sizes.notna().any() else (1.0, 1.0)
            end = APART * high if sizes.isna().any() else high
            losses = finite(pd.concat([own["bits_within"], own["bits_beyond"]]))
            least, top = (losses.min(), _top(own)) if len(losses) else (0.0, 1.0)
            above = finite(own["bits_beyond"]).max() > top  # room for its marker
            loss_axis(axis, least, top + 0.12 * (top - least) * bool(above))
            told: list[float] = []  # places of losses above the panel
            for row in own.assign(place=sizes.fillna(end)).itertuples():
                if str(row.model) in style:
                    _marker(axis, row, style[str(row.model)], top, told)
            size_axis(axis, low, high, end)
    return figure


def _top(rows: pd.DataFrame) -> float:
    """The highest loss within the context, or beyond it unless that is far above."""
    within, beyond = finite(rows["bits_within"]), finite(rows["bits_beyond"])
    most, least = within.max(), min([within.min(), *beyond])
    near = beyond[beyond <= most + (most - least)]
    return max([most, *near])


def _marker(axis: Axes, row: Any, look: Look, top: float, told: list[float]) -> None:
    """A model: both losses with their intervals, joined; `told` grows by a place above."""
    edge = 0.3 * top + 0.7 * axis.get_ylim()[1]
    beyond = row.bits_beyond if row.bits_beyond <= top else edge
    axis.plot([row.place] * 2, [row.bits_within, beyond], color=look.colour, linewidth=0.6)
    for part, filled in (("within", False), ("beyond", True)):
        loss, low, high = (getattr(row, f"bits_{part}{end}") for end in ("", "_low", "_high"))
        if not np.isfinite(loss):
            continue
        if loss > top:  # with its number, as it has no place in the panel
            left = sum(1 / NEAR < place / row.place < NEAR for place in told) % 2
            told.append(row.place)
            axis.annotate(
                f"{loss:.1f}", (row.place, edge), (-4 if left else 4, 0),
                textcoords="offset points", fontsize=SMALL, va="center",
                ha="right" if left else "left", color=look.colour,
            )  # fmt: skip
        elif np.isfinite(low):
            axis.plot([row.place] * 2, [low, high], color=look.colour, linewidth=1.6, alpha=0.4)
        axis.plot(
            row.place, edge if loss > top else loss, marker="^" if loss > top else look.marker,
            color=look.colour, markersize=4.5, markeredgewidth=0.8, clip_on=False, zorder=5,
            markerfacecolor=look.colour if filled else "white", markeredgecolor=look.colour,
        )  # fmt: skip


def size_axis(axis: Axes, low: float, high: float, end: float) -> None:
    """A log axis of sizes, and behind it a place for states that grow."""
    axis.set(xscale="log", xlim=(low / 1.5, end * 1.5))
    ticks = [
        t * 10**e for e in range(10) for t in (1, 2, 5) if low / 1.5 <= t * 10**e <= high * 1.5
    ]
    ticks = [tick for tick in ticks if high / low < 30 or np.log10(tick) % 1 == 0]
    if len(ticks) < 2:
        ticks = sorted({low, high})
    names = [EngFormatter(sep="")(tick) for tick in ticks]
    if end > high:
        axis.axvline((high * end) ** 0.5, color=GREY, linewidth=0.5, linestyle=(0, (1, 2)))
        ticks, names = [*ticks, end], [*names, "grows"]
    axis.set_xticks(ticks, names)
    axis.xaxis.set_minor_locator(NullLocator())
