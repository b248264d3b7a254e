"""Forgetting as a figure: what a model knows of A and B while it reads A, B and A again."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fwp.metalearning.report import OBJECTIVES, TITLES
from fwp.report.figures.layout import page
from fwp.report.figures.lines import draw
from fwp.report.figures.style import GREY, handles, looks

LOWEST = -0.55  # of the axis: scores of regression have no lower end


def forgetting(course: pd.DataFrame) -> Figure:
    """Score of A (and of B, pale) against the examples read; rows are families, columns objectives.

    Lines are means over seeds. Vertical lines are where B begins, and where A comes again.
    """
    families = list(dict.fromkeys(course["family"]))
    objectives = [name for name in OBJECTIVES if name in set(course["objective"])]
    style = looks(dict.fromkeys(course["model"]))
    key = [*handles(style), Line2D([], [], color=GREY, alpha=0.35, label="same model, task B")]
    count, columns = len(families) * len(objectives), len(objectives)
    x, y = "Examples read", "Score (%)"
    with page(count, columns, (2.8, 1.8), x=x, y=y, legend=key) as (drawn, axes):
        for i, axis in enumerate(axes):
            family, objective = families[i // columns], objectives[i % columns]
            rows = course[(course["family"] == family) & (course["objective"] == objective)]
            title = TITLES[family].partition(":")[0]
            axis.set_title(f"{title}, {OBJECTIVES[objective]}")
            _panel(axis, rows, style)
    return drawn


def _panel(axis: Axes, rows: pd.DataFrame, style: dict) -> None:
    for model, own in rows.groupby("model", sort=False):
        means = 100 * own.groupby("examples")[["a", "b"]].mean()
        look = style[str(model)]
        draw(axis, f"{model}, B", look, means.index, means["b"], alpha=0.35, zorder=2)
        draw(axis, str(model), look, means.index, means["a"], zorder=3)
    ends = rows.groupby("part", sort=False)["examples"].max()
    for end in (ends["A"], ends["B"]):
        axis.axvline(end, color=GREY, linewidth=0.6, zorder=1)
    lowest = 100 * min(rows["a"].min(), rows["b"].min())
    axis.set_ylim(max(100 * LOWEST, min(-5, lowest - 5)), 105)
    axis.grid(axis="y")
    axis.set_axisbelow(True)
