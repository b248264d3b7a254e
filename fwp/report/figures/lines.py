"""Line plots of models: a panel per task, a line per seed, medians, log axes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import (
    EngFormatter,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)

from fwp.report import labels
from fwp.report.figures.apart import BESIDE, continued, offsets, shift
from fwp.report.figures.layout import page
from fwp.report.figures.style import Look, handles

THIN = 0.5  # points: the line of a seed
FEW = 5  # seeds whose lines are as strong as they get


@contextmanager
def page_of_tasks(
    tasks: Sequence[str],
    style: Mapping[str, Look],
    extra: Sequence = (),
    *,
    x: str,
    y: str,
    ending: bool = False,
    shares: bool = True,
) -> Iterator[tuple[Figure, dict[str, Axes]]]:
    """A page with a panel per task, y from 0 to 100 per cent; the legend has models and `extra`.

    Models' lines, which are labelled with their names, are drawn side by side where they coincide.
    Those that are `ending` where training does are drawn on, thinner, to the end of the panel.
    Unless y has `shares`, each panel has an axis of its own, and lines stay where they are.
    """
    count = len(tasks)
    columns = min(count, 4 if count <= 16 else 5 if count <= 25 else 6)
    if count in (5, 6, 9):
        columns = 3
    size = (3.2, 2.1) if count == 1 else (2.2, 1.5) if columns <= 3 else (1.55, 1.2)
    entries = [*handles(style), *extra]
    shared = "y" if shares else ""
    with page(count, columns, size, x=x, y=y, shared=shared, legend=entries) as (figure, axes):
        yield figure, dict(zip(tasks, axes, strict=True))
        for task, axis in zip(tasks, axes, strict=True):
            axis.set_title(labels.task(task))
            if not shares:
                axis.grid(axis="y")
                axis.set_axisbelow(True)
                continue
            in_percent(axis)
            if ending:
                continued(axis, style)
            shift(axis, offsets(list(style)))


def in_percent(axis: Axes, way: Literal["x", "y"] = "y") -> None:
    """An axis from 0 to 100 per cent for shares in [0, 1]."""
    ticks = {0: "0", 0.25: "25", 0.5: "50", 0.75: "75", 1: "100"}
    axis.set(**{f"{way}lim": (-0.05, 1.05), f"{way}ticks": [*ticks]})
    axis.set(**{f"{way}ticklabels": [*ticks.values()]})
    axis.grid(axis=way)
    axis.set_axisbelow(True)


def curves(
    axis: Axes,
    rows: pd.DataFrame,
    x: str,
    y: str,
    style: Mapping[str, Look],
    column: str = "model",
    middle: str = "median",
) -> None:
    """One line per model, the median over seeds, and a thin one for each seed.

    A mean or a band would show what no seed has where some seeds solve a task and others fail.
    Losses, of which tables give the mean, may have it as their `middle`.

    Args:
        rows: a tidy frame with columns `x`, `y`, `column` and "seed".
        style: the looks of the values of `column`; the order is that of drawing.
    """
    found = dict(iter(rows.groupby(column, observed=True)))
    style = {name: look for name, look in style.items() if name in found}
    every = max(4, len(style))
    for i, (name, look) in enumerate(style.items()):
        seeds = found[name].pivot_table(index=x, columns="seed", values=y, observed=True)
        if len(seeds.columns) > 1:
            thin(axis, name, look, [own.dropna() for _, own in seeds.items()])
        line = draw(axis, name, look, seeds.index, seeds.agg(middle, axis="columns"), zorder=3 + i)
        # Markers at different places tell which models lie on one line.
        line.set_markevery(sorted({*range(i % every, len(seeds), every), len(seeds) - 1}))


def draw(axis: Axes, name: str, look: Look, x, y, **settings) -> Line2D:
    """A model's line."""
    (line,) = axis.plot(
        x, y, color=look.colour, linestyle=look.dashes, marker=look.marker,
        markeredgecolor="white", clip_on=False, label=name, **settings,
    )  # fmt: skip
    return line


def thin(axis: Axes, name: str, look: Look, seeds: Sequence[pd.Series]) -> None:
    """A thin line per seed, the paler the more there are."""
    paths = [list(zip(seed.index, seed, strict=True)) for seed in seeds]
    alpha = 0.5 * min(1.0, (FEW / len(paths)) ** 0.5)
    strokes = {"colors": look.colour, "linewidths": THIN, "alpha": alpha}
    axis.add_collection(LineCollection(paths, **strokes, zorder=2, label=BESIDE + name))


def log_ticks(axis: Axes, low: float, high: float, least: float = 5) -> None:
    """A log scale, if values span a factor of `least`, with plain numbers or 1k, 10k, 100k.

    From 0 on, the scale is linear.
    """
    if low == 0 or high < low * least:
        pad = (high - low) * 0.04 or 0.5
        axis.set_xlim(low - pad, high + pad)
        axis.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], integer=True))
        if high >= 10_000:
            axis.xaxis.set_major_formatter(EngFormatter(sep=""))
        return
    axis.set(xscale="log", xlim=(low / 1.05, high * 1.05))
    fine = high / low < 100  # labels at 1, 2, 5, 10, … would run into each other
    axis.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if fine else (1,)))
    axis.xaxis.set_minor_locator(NullLocator() if fine else LogLocator(10, subs=range(2, 10)))
    plain = FuncFormatter(lambda value, _: f"{value:.10g}")
    axis.xaxis.set_major_formatter(plain if high < 10_000 else EngFormatter(sep=""))
    axis.xaxis.set_minor_formatter(NullFormatter())
