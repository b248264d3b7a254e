"""The atlas as a figure: a matrix of languages × models whose glyphs show three answers at once.

The area of a disc is the share of seeds that learn the training lengths. Its colour says how far
they generalise. What is proven is the ground: a corner where weights exist, hatching where there
are none.
"""

import itertools
import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection, PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from fwp.report import labels, shades
from fwp.report.figures.layout import page
from fwp.report.figures.style import GREY, NORMAL, SMALL, settings
from fwp.results.atlas import CONSTRUCTED, IMPOSSIBLE, POSSIBLE
from fwp.utils.bins import Bin

CELL = 0.19  # inches
LARGEST = 0.86  # of a disc, in cells
LEAST = 0.12  # of a disc that no seed has learnt
CORNER = 0.26
CORNERS = {CONSTRUCTED: GREY, POSSIBLE: "white"}
GROUND, NOTHING = "#fafafa", "#f0f0f0"
HATCH = "#c9c9c9"
AGAINST = "#e4572e"
WIDTH, HEIGHT = 4.1, 1.3  # inches of the key


def atlas(table: pd.DataFrame, trained: Mapping[str, Bin]) -> Figure:
    """The figure.

    Args:
        table: of `fwp.results.atlas.answers`.
        trained: the shortest and the longest training string of each task; generalisation lengths
            are shaded from there on.
    """
    models, tasks = (
        labels.in_order(kind, dict.fromkeys(table[kind])) for kind in ("model", "task")
    )
    size = CELL * len(models), CELL * len(tasks)
    with page(1, 1, size, narrowest=WIDTH + 0.2, below=HEIGHT + 0.25) as (figure, (axis,)):
        axis.set_xlim(0, len(models))
        axis.set_ylim(len(tasks), 0)
        columns, rows = ({name: i for i, name in enumerate(names)} for names in (models, tasks))
        every: Any = table.itertuples()
        places = [(columns[row.model], rows[row.task], row) for row in every]
        _draw(axis, places, trained)
        for place in range(1, len(tasks)):
            first = labels.group(tasks[place]) != labels.group(tasks[place - 1])
            axis.axhline(place, color=GREY if first else "white", linewidth=0.8, zorder=1)
        _name_groups(axis, tasks)
        for place in range(1, len(models)):
            axis.axvline(place, color="white", linewidth=0.8, zorder=0.9)
        axis.set_xticks(
            np.arange(len(models)) + 0.5, map(labels.model, models), fontsize=SMALL,
            rotation=45, ha="left", rotation_mode="anchor",
        )  # fmt: skip
        axis.xaxis.tick_top()
        axis.set_yticks(np.arange(len(tasks)) + 0.5, map(labels.task, tasks), fontsize=SMALL)
        axis.tick_params(length=0)
        axis.tick_params(axis="x", labeltop=True)
        for side in axis.spines.values():
            side.set_visible(False)
    axis.tick_params(labelbottom=False)
    with settings():
        width, height = figure.get_size_inches()
        x0, _, _, top = axis.get_position().extents
        box = size[0] / width, size[1] / height  # cells are squares, also beside a wider key
        axis.set_position((x0, top - box[1], *box))
        left = min(axis.get_position().x0, 1 - (WIDTH + 0.1) / width)
        _key(figure.add_axes((left, 0.08 / height, WIDTH / width, HEIGHT / height), label="key"))
    return figure


def _name_groups(axis: Axes, tasks: Sequence[str]) -> None:
    """The groups of languages, to the right of their rows; a long name in several lines."""
    middles, names, begin = [], [], 0
    for group, own in itertools.groupby(tasks, labels.group):
        end = begin + len(list(own))
        if group:
            middles.append((begin + end) / 2)
            names.append(textwrap.fill(group, 12, break_long_words=False))
        begin = end
    right = axis.secondary_yaxis("right")
    right.set_yticks(middles, names, fontsize=SMALL, color=GREY, linespacing=1.1)
    right.tick_params(length=0)
    right.spines[:].set_visible(False)


def shade(row: Any, trained: Bin | None) -> str:
    """The colour of a disc: on a log scale, from the training lengths to the longest tested."""
    if row.perfect == row.seeds:
        return shades.ALL
    if pd.isna(row.tested_length):
        return shades.shade(min(row.generalises, math.nextafter(1, 0)))
    longest, reached = int(row.tested_length), float(row.generalisation_median)
    first = trained.longest if trained else 1
    if reached <= first or longest <= first:
        return shades.shade(0)
    share = math.log(reached / first) / math.log(longest / first)
    return shades.shade(min(share, math.nextafter(1, 0)))


def _draw(axis: Axes, places: list[tuple[int, int, Any]], trained: Mapping[str, Bin]) -> None:
    """Grounds, corners and discs of cells at (column, row)."""
    axis.set_facecolor(GROUND)
    empty = [(x, y) for x, y, row in places if pd.isna(row.seeds)]
    _squares(axis, empty, facecolor=NOTHING, edgecolor="none", zorder=0.5)
    for x, y, row in places:
        if pd.isna(row.seeds):
            word = "fail." if row.state == "failed" else "–"
            axis.text(x + 0.5, y + 0.5, word, fontsize=5, color=GREY, ha="center", va="center")
    _hatch(axis, [(x, y) for x, y, row in places if row.expressible == IMPOSSIBLE])
    _frame(axis, [(x, y) for x, y, row in places if row.contradiction])
    for answer in CORNERS:
        _corners(axis, [(x, y) for x, y, row in places if row.expressible == answer], answer)
    _discs(
        axis,
        [
            (x + 0.5, y + 0.5, row.learnable, shade(row, own) if row.learnt else None)
            for x, y, row in places
            if pd.notna(row.seeds)
            for own in [trained.get(row.task)]
        ],
    )


Places = Sequence[tuple[float, float]]


def _squares(axis: Axes, places: Places, gap: float = 0.0, **look: Any) -> None:
    side = 1 - 2 * gap
    squares = [Rectangle((x + gap, y + gap), side, side) for x, y in places]
    axis.add_collection(PatchCollection(squares, **look))


def _hatch(axis: Axes, places: Places) -> None:
    look = {"hatch": "////////", "edgecolor": HATCH, "linewidth": 0, "zorder": 0.6}
    _squares(axis, places, facecolor="none", **look)


def _frame(axis: Axes, places: Places) -> None:
    _squares(axis, places, 0.06, facecolor="none", edgecolor=AGAINST, linewidth=1.2, zorder=4)


def _corners(axis: Axes, places: Places, answer: str) -> None:
    end = 0.04 + CORNER
    corners = [
        Polygon([(x + 0.04, y + 0.04), (x + end, y + 0.04), (x + 0.04, y + end)]) for x, y in places
    ]
    look = {"facecolor": CORNERS[answer], "edgecolor": GREY, "linewidth": 0.4, "zorder": 3}
    axis.add_collection(PatchCollection(corners, **look))


def _discs(axis: Axes, discs: list[tuple[float, float, float, str | None]]) -> None:
    """Discs at (x, y) of an area and a colour; without a colour, small grey points."""
    if not discs:
        return
    sizes = [LARGEST * math.sqrt(share) if colour else LEAST for _, _, share, colour in discs]
    axis.add_collection(
        EllipseCollection(
            sizes, sizes, np.zeros(len(discs)), units="x",
            offsets=[(x, y) for x, y, *_ in discs], offset_transform=axis.transData,
            facecolors=[colour or "#9a9a9a" for *_, colour in discs],
            edgecolors=["#00000060" if colour else "none" for *_, colour in discs],
            linewidths=0.4, zorder=2,
        )
    )  # fmt: skip


def _key(axis: Axes) -> None:
    """What glyphs mean."""
    axis.set_xlim(0, WIDTH / CELL)
    axis.set_ylim(HEIGHT / CELL, 0)
    axis.axis("off")

    def say(x: float, y: float, text: str) -> None:
        axis.text(x, y + 0.55, text, fontsize=SMALL, va="center")

    axis.text(0, 0.4, "Disc", fontsize=NORMAL, va="center", weight="bold")
    middle = math.nextafter(1, 0)
    for y, share, colour, text in (
        (1, 1.0, shades.shade(0), "learnt by every seed, no longer strings"),
        (2, 0.4, shades.shade(0.5), "by some (area), halfway to the longest (log)"),
        (3, 1.0, shades.shade(middle), "median to the longest"),
        (4, 1.0, shades.ALL, "every seed perfect on all lengths"),
        (5, 0.0, None, "learnt by no seed"),
    ):
        _discs(axis, [(0.5, y + 0.5, share, colour)])
        say(1.3, y, text)
    x = 12.2
    axis.text(x, 0.4, "Ground", fontsize=NORMAL, va="center", weight="bold")
    texts = ("weights set by hand", "possible (theorem)", "impossible (theorem)")
    for y, text in enumerate((*texts, "perfect, against a theorem", "no results"), 1):
        say(x + 1.3, y, text)
    places = [(x, y + 0.05 * y) for y in range(1, 6)]
    for own, colour in ((places[:4], GROUND), (places[4:], NOTHING)):
        _squares(axis, own, facecolor=colour, edgecolor="#dddddd", linewidth=0.4, zorder=0.5)
    for place, answer in zip(places, CORNERS, strict=False):
        _corners(axis, [place], answer)
    _hatch(axis, places[2:4])
    _frame(axis, places[3:4])
    axis.text(x + 0.5, 5.75, "–", fontsize=5, color=GREY, ha="center", va="center")
