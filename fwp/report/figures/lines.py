"""Line plots of models: a panel per task, medians and quartiles over seeds, log axes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import (
    EngFormatter,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)

from fwp.report import labels
from fwp.report.figures.layout import page
from fwp.report.figures.style import Look, handles, semantics


@contextmanager
def page_of_tasks(
    tasks: Sequence[str], style: Mapping[str, Look], extra: Sequence = (), *, x: str, y: str
) -> Iterator[tuple[Figure, dict[str, Axes]]]:
    """A page with a panel per task, y from 0 to 100 per cent; the legend has models and `extra`."""
    count = len(tasks)
    columns = min(count, 4 if count <= 16 else 5 if count <= 25 else 6)
    if count in (5, 6, 9):
        columns = 3
    size = (3.2, 2.1) if count == 1 else (2.2, 1.5) if columns <= 3 else (1.55, 1.2)
    entries = [*handles(style), *extra]
    with page(count, columns, size, x=x, y=y, shared="y", legend=entries) as (figure, axes):
        yield figure, dict(zip(tasks, axes, strict=True))
        for task, axis in zip(tasks, axes, strict=True):
            axis.set_title(labels.task(task))
            in_percent(axis)


def in_percent(axis: Axes, way: Literal["x", "y"] = "y") -> None:
    """An axis from 0 to 100 per cent for shares in [0, 1]."""
    ticks = {0: "0", 0.25: "25", 0.5: "50", 0.75: "75", 1: "100"}
    axis.set(**{f"{way}lim": (-0.03, 1.03), f"{way}ticks": [*ticks]})
    axis.set(**{f"{way}ticklabels": [*ticks.values()]})
    axis.grid(axis=way)
    axis.set_axisbelow(True)


def curves(
    axis: Axes, rows: pd.DataFrame, x: str, y: str, style: Mapping[str, Look], column: str = "model"
) -> None:
    """One line per model, the median over seeds, and a band from the lower to the upper quartile.

    Where several models are right everywhere their lines coincide; markers at different places tell
    which ones lie there.

    Args:
        rows: a tidy frame with columns `x`, `y` and `column`, a row per seed and x.
        style: the looks of the values of `column`; the order is that of drawing.
    """
    style = {name: look for name, look in style.items() if (rows[column] == name).any()}
    quartiles = rows.groupby([column, x], observed=True)[y].quantile(np.array([0.25, 0.5, 0.75]))
    quartiles = quartiles.unstack().set_axis(["low", "median", "high"], axis="columns")
    sns.lineplot(
        quartiles.reset_index(), x=x, y="median", estimator=None, clip_on=False, ax=axis,
        **semantics(style, column),
    )  # fmt: skip
    every = max(4, len(style))
    for i, (name, line) in enumerate(zip(style, axis.lines, strict=True)):
        band = quartiles.loc[name]
        marked = sorted({*range(i % every, len(band), every), len(band) - 1})
        line.set(label=name, zorder=3 + i, markevery=marked)
        axis.fill_between(
            band.index, band["low"], band["high"], color=style[name].colour,
            alpha=min(0.2, 1 / len(style)), linewidth=0, zorder=2,
        )  # fmt: skip


def log_ticks(axis: Axes, low: float, high: float) -> None:
    """A log scale, if the values span enough of it, with plain numbers or 1k, 10k, 100k."""
    if high / low < 5:
        pad = (high - low) * 0.04 or 0.5
        axis.set_xlim(low - pad, high + pad)
        axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        return
    axis.set(xscale="log", xlim=(low / 1.05, high * 1.05))
    fine = high / low < 100  # labels at 1, 2, 5, 10, … would run into each other
    axis.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if fine else (1,)))
    axis.xaxis.set_minor_locator(NullLocator() if fine else LogLocator(10, subs=range(2, 10)))
    plain = FuncFormatter(lambda value, _: f"{value:.10g}")
    axis.xaxis.set_major_formatter(plain if high < 10_000 else EngFormatter(sep=""))
    axis.xaxis.set_minor_formatter(NullFormatter())
