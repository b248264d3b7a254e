"""Lines that would lie on one another, drawn so that each can be told.

Models that solve a task share one line at 100 %, those that fail another at 0 %, and which models
these are is what a reader wants to see. So each model's line is shifted by a small distance of its
own, in points of the page (data stay as they are), and has its marker at a place of its own.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

from fwp.report.figures.style import Look

STEP = 0.75  # points between neighbouring lines, about the width of one
MOST = 4.5  # points between the first and the last
BESIDE = "_beside "  # label, with the name of a line, of what belongs to that line
REST = 0.6  # of the width of a line: what is left of it where training has ended


def offsets(names: Sequence[str]) -> dict[str, float]:
    """How far each line is shifted upwards, in points; the first is the highest."""
    step = min(STEP, MOST / max(len(names) - 1, 1))
    return {name: step * ((len(names) - 1) / 2 - i) for i, name in enumerate(names)}


def shift(axis: Axes, points: dict[str, float]) -> None:
    """Shift the lines of these labels, and what belongs to them, upwards by so many points."""
    for drawn in (*axis.lines, *axis.collections):
        if up := points.get(str(drawn.get_label()).removeprefix(BESIDE)):
            moved = ScaledTranslation(0, up / 72, axis.figure.dpi_scale_trans)
            drawn.set_transform(axis.transData + moved)


def continued(axis: Axes, style: Mapping[str, Look]) -> None:
    """Draw on every line to the right end of the panel, from a dot, with one marker.

    Args:
        axis: with its final limits and scale along x.
        style: the looks of the lines by their labels; their order is that of the markers.
    """
    axes_fraction = axis.transScale + axis.transLimits
    lines = {line.get_label(): line for line in axis.lines}
    for i, (name, own) in enumerate(style.items()):
        if not (line := lines.get(name)):
            continue
        x, y = (np.asarray(values, float) for values in line.get_data())
        place = 0.08 + 0.9 * (i + 0.5) / len(style)
        along = axes_fraction.transform(np.column_stack([x, y]))[:, 0]
        if line.get_drawstyle() == "steps-post":
            height = y[max(np.searchsorted(along, place, "right") - 1, 0)]
        else:
            height = np.interp(place, along, y)
        at = axes_fraction.inverted().transform((place, 0))[0]
        edge = axes_fraction.inverted().transform((1, 0))[0]
        look = {"color": own.colour, "clip_on": False, "label": BESIDE + name}
        width, above = REST * line.get_linewidth(), line.get_zorder()
        axis.plot([x[-1], edge], [y[-1]] * 2, ls=own.dashes, linewidth=width, zorder=above, **look)
        axis.plot(x[-1], y[-1], marker="o", markersize=2, zorder=above + 20, **look)
        axis.plot(at, height, marker=own.marker, markeredgecolor="white", zorder=above + 40, **look)
        line.set_markevery([])
