"""Models × tasks: mean accuracy over seeds, one panel per bin of lengths."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fwp.report import labels
from fwp.report.figures.style import NORMAL, SMALL, is_last_in_column, panels, settings, text_width
from fwp.results import statistics
from fwp.results.frames import present
from fwp.results.unfinished import by_cell, extended

CELL = (0.265, 0.2)  # inches: room for "99.9†"
NUMBER = 6  # points
COLOURS = colormaps["YlGnBu"]  # lightness falls steadily: readable in grey
ASPECT = 1.6  # of the page, about
KEY = "Sequence accuracy (%), mean over seeds"
DIVERGED = "† a seed diverged; div.: all of them did"
FAILED = "fail.: the jobs of the cell failed"


def heatmap(
    accuracy: pd.DataFrame, missing: Sequence[dict] = (), summary: pd.DataFrame | None = None
) -> Figure:
    """Mean sequence accuracy over seeds of each model on each task, one panel per bin.

    A dagger marks cells of which a seed diverged; where all did, there is no number.

    Args:
        accuracy: the tidy table (`fwp.results.collect`).
        missing: runs without results (`fwp.results.unfinished`).
        summary: of `accuracy` (`fwp.results.statistics.summarise`), if it has been computed.
    """
    summary = statistics.summarise(accuracy) if summary is None else summary
    models = extended(present(accuracy["model"]), missing, "model")
    tasks = extended(present(accuracy["task"]), missing, "task")
    states = by_cell(missing)
    titles = _titles(statistics.bins(accuracy))
    with settings():
        figure, axes, columns = _page(
            *(titles, models, tasks),
            [KEY]
            + [DIVERGED] * bool(summary["diverged"].any())
            + [FAILED] * ("failed" in states.values()),
        )
        for i, (axis, title) in enumerate(zip(axes, titles, strict=True)):
            rows = summary[summary["bin_index"] == i].itertuples()
            cells = {(row.model, row.task): row for row in rows}
            for y, model in enumerate(models):
                for x, task in enumerate(tasks):
                    _draw_cell(axis, x, y, cells.get((model, task)), states.get((model, task)))
            axis.set_title(title, loc="left", pad=3)
            axis.set(xlim=(0, len(tasks)), ylim=(len(models), 0))
            axis.set_xticks(np.arange(len(tasks)) + 0.5)
            axis.set_yticks(np.arange(len(models)) + 0.5)
            axis.tick_params(length=0, labelsize=NORMAL)
            axis.set_yticklabels(map(labels.model, models) if i % columns == 0 else [])
            axis.set_xticklabels(
                map(labels.task, tasks) if is_last_in_column(i, len(axes), columns) else [],
                rotation=45, ha="right", va="top", rotation_mode="anchor",
            )  # fmt: skip
            axis.spines[:].set_visible(False)
    return figure


def _titles(groups: list[dict[str, str]]) -> list[str]:
    """The bins' lengths if all tasks share them, else their numbers."""
    bins = [set(windows.values()) for windows in groups]
    if all(len(shared) == 1 for shared in bins):
        return [f"Length {labels.lengths(shared.pop())}" for shared in bins]
    return [f"Bin {i}" for i in range(len(bins))]


def _page(titles: list[str], models: list[str], tasks: list[str], key: list[str]):
    """The figure with its panels and colour key, and the number of panels side by side."""
    size = (CELL[0] * len(tasks), CELL[1] * len(models))
    left = max(text_width(labels.model(name), NORMAL) for name in models) + 0.15
    # Names of tasks hang at 45 degrees below the panels.
    hang = math.sqrt(0.5) * (max(text_width(labels.task(t), NORMAL) for t in tasks) + 0.1) + 0.08
    title = max(text_width(title, NORMAL) for title in titles)
    gap = (max(0.14, title - size[0] + 0.15), 0.32)
    right, top, bottom = max(0.1, title - size[0] + 0.05), 0.28, 0.42 + 0.11 * len(key)
    key_width = max(text_width(line, SMALL) for line in key) + 0.1

    def shape(columns: int) -> tuple[float, float]:
        rows = -(-len(titles) // columns)
        width = left + columns * (size[0] + gap[0]) - gap[0] + right
        return width, top + rows * (size[1] + gap[1]) - gap[1] + hang + bottom

    def oddity(columns: int) -> float:
        width, height = shape(columns)
        return abs(math.log(width / height / ASPECT))

    columns = min(range(1, len(titles) + 1), key=oddity)
    key_left = left
    if len(titles) > columns and len(titles) % columns and size[0] + right > key_width:
        # The last row leaves a corner free: the key goes there, below the names of tasks that hang
        # from the panel above.
        key_left += (columns - 1) * (size[0] + gap[0])
        bottom = max(0.05, bottom - size[1] - gap[1] + 0.1)
    right += max(0, key_left + key_width - shape(columns)[0])
    figure, axes = panels(len(titles), columns, size, gap, left, right, top, hang + bottom)
    width, height = figure.get_size_inches()
    bar = figure.add_axes(
        (key_left / width, 0.22 / height, min(1.7, key_width) / width, 0.09 / height), label="key"
    )
    scale = ScalarMappable(Normalize(0, 100), COLOURS)
    figure.colorbar(scale, cax=bar, orientation="horizontal", ticks=[0, 25, 50, 75, 100])
    bar.tick_params(labelsize=SMALL, length=2)
    bar.set_title("\n".join(reversed(key)), fontsize=SMALL, loc="left", pad=2)
    bar.spines[:].set_visible(False)
    return figure, axes, columns


def _draw_cell(axis: Axes, x: int, y: int, row, state: str | None) -> None:
    box = {"xy": (x, y), "width": 1, "height": 1, "linewidth": 0.8, "edgecolor": "white"}
    text = {"x": x + 0.5, "y": y + 0.5, "ha": "center", "va": "center_baseline"}
    if row is None and state != "failed":
        axis.add_patch(Rectangle(facecolor="#f4f4f4", **box))
        axis.text(s="–", fontsize=NUMBER, color="#777777", **text)
    elif row is None or row.diverged == row.seeds:
        axis.add_patch(Rectangle(facecolor="#f4f4f4", **box))
        axis.add_patch(Rectangle(fill=False, hatch="//////", **box | {"edgecolor": "#bbbbbb"}))
        axis.add_patch(Rectangle(fill=False, **box))
        ground = {"facecolor": "#f4f4f4", "edgecolor": "none", "pad": 0.5}
        axis.text(s="fail." if row is None else "div.", fontsize=NUMBER, bbox=ground, **text)
    else:
        colour = COLOURS(row.mean)
        axis.add_patch(Rectangle(facecolor=colour, **box))
        dark = np.dot(colour[:3], (0.299, 0.587, 0.114)) < 0.55
        number = labels.percent(row.mean) + "†" * bool(row.diverged)
        axis.text(s=number, fontsize=NUMBER, color="white" if dark else "black", **text)
