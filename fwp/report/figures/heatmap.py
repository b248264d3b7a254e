"""Models × tasks: mean accuracy over seeds, one panel per bin of lengths."""

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from fwp.report import labels, shades
from fwp.report.figures.layout import page
from fwp.report.figures.style import NORMAL, SMALL, settings
from fwp.results import statistics
from fwp.results.frames import present
from fwp.results.unfinished import by_cell, extended

CELL = (0.265, 0.2)  # inches: room for "99.9†"
NUMBER = 6  # points
COLOURS = LinearSegmentedColormap.from_list("accuracy", shades.RAMP).with_extremes(over=shades.ALL)
BELOW_ALL = math.nextafter(1, 0)  # what is exactly 1 lies over the scale
NOTHING = "#f4f4f4"  # where there is no number
ASPECT = 1.6  # of the page, about
KEY = ("Sequence accuracy (%), mean over seeds", "darkest: 100")
KEY_WIDTH = 2.1  # inches
DIVERGED = ("† a seed diverged", "div.: all seeds diverged")
FAILED = ("fail.: the jobs of the cell failed",)
APART = (f"corner: seeds over {100 * statistics.APART:.0f} points apart",)
CORNER = 0.22  # of a cell's height


def heatmap(
    accuracy: pd.DataFrame, missing: Sequence[dict] = (), summary: pd.DataFrame | None = None
) -> Figure:
    """Mean sequence accuracy over seeds of each model on each task, one panel per bin.

    A dagger marks cells of which a seed diverged; where all did, there is no number. A corner marks
    those whose seeds are far apart: no seed may be near their mean.

    Args:
        accuracy: the tidy table (`fwp.results.collect`).
        missing: runs without results (`fwp.results.unfinished`).
        summary: of `accuracy` (`fwp.results.statistics.summarise`), if it has been computed.
    """
    summary = statistics.summarise(accuracy) if summary is None else summary
    models = labels.in_order("model", extended(present(accuracy["model"]), missing, "model"))
    tasks = labels.in_order("task", extended(present(accuracy["task"]), missing, "task"))
    states = by_cell(missing)
    titles = _titles(statistics.bins(accuracy))
    key = [*KEY, *DIVERGED * bool(summary["diverged"].any())]
    key += FAILED * ("failed" in states.values())
    key += APART * bool(statistics.apart(summary).any())
    size = CELL[0] * len(tasks), CELL[1] * len(models)
    columns = _columns(len(titles), size)
    # Where the last row ends early, every panel names its tasks, and the key takes the place left.
    gap = len(titles) % columns > 0
    inside = gap and size[0] >= KEY_WIDTH
    with page(
        len(titles), columns, size, shared="y" if gap else "xy", narrowest=KEY_WIDTH + 0.1,
        below=0 if inside else 0.34 + 0.11 * len(key),
    ) as (figure, axes):  # fmt: skip
        for i, (axis, title) in enumerate(zip(axes, titles, strict=True)):
            cells = summary[summary["bin_index"] == i].set_index(["model", "task"])
            cells = cells.reindex(pd.MultiIndex.from_product([models, tasks]))
            texts = [_text(row, states.get(cast(tuple, row.Index))) for row in cells.itertuples()]
            texts = np.array(texts, object).reshape(len(models), len(tasks))
            none = np.isin(texts, ("–", "div.", "fail."))
            values = cells["mean"].to_numpy(float).reshape(none.shape)
            look = {"linewidths": 0.8, "vmin": 0, "vmax": BELOW_ALL, "cbar": False, "ax": axis}
            look |= {"annot": texts, "fmt": ""}
            font = {"size": NUMBER, "va": "center_baseline"}
            sns.heatmap(values, mask=none, cmap=COLOURS, annot_kws=font, **look)
            for text, value in zip(axis.texts, values[~none], strict=True):
                shown = to_hex(COLOURS(Normalize(0, BELOW_ALL)(value)))
                text.set_color(shades.letters(shown))
            font |= {"color": "#555555", "bbox": {"color": NOTHING, "pad": 0.5}}
            sns.heatmap(none, mask=~none, cmap=[NOTHING], annot_kws=font, **look)
            for y, x in zip(*np.nonzero(none & (texts != "–")), strict=True):
                hatch = {"hatch": "//////", "edgecolor": "#bbbbbb", "linewidth": 0}
                axis.add_patch(Rectangle((x + 0.03, y + 0.03), 0.94, 0.94, fill=False, **hatch))
            far = statistics.apart(cells).to_numpy(bool).reshape(none.shape) & ~none
            for y, x in zip(*np.nonzero(far), strict=True):
                side = CORNER * CELL[1] / CELL[0]
                corner = [(x + 1, y), (x + 1 - side, y), (x + 1, y + CORNER)]
                axis.add_patch(Polygon(corner, color="#333333", linewidth=0))
            axis.set_title(title)
            axis.set_xticks(
                np.arange(len(tasks)) + 0.5, map(labels.task, tasks), fontsize=NORMAL,
                rotation=45, ha="right", va="top", rotation_mode="anchor",
            )  # fmt: skip
            axis.set_yticks(
                np.arange(len(models)) + 0.5, map(labels.model, models), fontsize=NORMAL, rotation=0
            )
            axis.tick_params(length=0)
    with settings():
        width, height = figure.get_size_inches()
        left = min(axes[0].get_position().x0, 1 - KEY_WIDTH / width)
        bottom = 0.22 / height
        if inside:
            left = axes[columns - 1].get_position().x0
            bottom = axes[-1].get_position().y1 - (0.13 * len(key) + 0.12) / height
        box = left, bottom, 1.8 / width, 0.09 / height
        bar = figure.colorbar(
            ScalarMappable(Normalize(0, 100), COLOURS), figure.add_axes(box, label="key"),
            orientation="horizontal", ticks=[0, 25, 50, 75, 100], extend="max", extendrect=True,
        )  # fmt: skip
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=2)
        bar.ax.set_title("\n".join(key), fontsize=SMALL, loc="left", pad=2)
    return figure


def _titles(groups: list[dict[str, str]]) -> list[str]:
    """The bins' lengths if all tasks share them, else their numbers."""
    bins = [set(windows.values()) for windows in groups]
    if all(len(shared) == 1 for shared in bins):
        return [f"Length {labels.lengths(shared.pop())}" for shared in bins]
    return [f"Bin {i}" for i in range(len(bins))]


def _text(row, state: str | None) -> str:
    """What a cell says."""
    if math.isnan(row.mean):
        return "fail." if state == "failed" else "–"
    if row.diverged == row.seeds:
        return "div."
    return labels.with_dagger(labels.percent(row.mean), row.diverged)


def _columns(panels: int, size: tuple[float, float]) -> int:
    """How many panels stand side by side so that the page has about the `ASPECT`."""

    def oddity(columns: int) -> float:
        width = 1 + columns * max(size[0] + 0.2, 1)
        height = 1 + -(-panels // columns) * (size[1] + 0.4)
        return abs(math.log(width / height / ASPECT))

    return min(range(1, panels + 1), key=oddity)
