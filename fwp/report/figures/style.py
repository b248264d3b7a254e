"""What all figures share: how a model looks, fonts, page layout, files that come out the same."""

import math
import re
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import TextPath
from matplotlib.ticker import (
    EngFormatter,
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)

from fwp.report import labels
from fwp.utils.files import atomic

SMALL, NORMAL = 6.5, 7.5  # font sizes in points
GREY = "#555555"
SHADE = "#ececec"
ZOOM = 1.4  # of SVG files, which are for screens

_SETTINGS = {
    # DejaVu comes with matplotlib: the same on every machine. The others are for browsers that show
    # an SVG on a machine without it; Verdana is about as wide.
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": NORMAL,
    "axes.titlesize": NORMAL,
    "axes.labelsize": NORMAL,
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "legend.fontsize": NORMAL,
    "axes.linewidth": 0.6,
    "axes.edgecolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": "black",
    "ytick.labelcolor": "black",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 1.5,
    "xtick.major.pad": 2,
    "ytick.major.pad": 2,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.5,
    "lines.markeredgewidth": 0.4,
    "text.parse_math": False,  # names of users may hold a $
    "axes.unicode_minus": False,
    "pdf.fonttype": 42,  # TrueType: text in the PDF stays text that journals accept
    "svg.fonttype": "none",  # text in the SVG stays text
    "svg.hashsalt": "fwp",
    "path.simplify": False,
    "figure.dpi": 100,
}


@dataclass(frozen=True)
class Look:
    """How a model is drawn in every figure."""

    colour: str
    dashes: tuple  # a matplotlib line style
    marker: str


_SOLID, _DASHED, _DOTTED = (0, ()), (0, (4, 1.5)), (0, (1, 1.2))
_DASH_DOT, _DASH_DOT_DOT = (0, (5, 1.5, 1, 1.5)), (0, (5, 1.5, 1, 1.5, 1, 1.5))
_LONG = (0, (8, 2))

DASHES = {
    "solid": _SOLID,
    "dashed": _DASHED,
    "dotted": _DOTTED,
    "dash_dot": _DASH_DOT,
    "dash_dot_dot": _DASH_DOT_DOT,
    "long": _LONG,
}
# For models whose mixers choose none. As many as have no divisor in common with the dashes: a look
# comes back late.
_COLOURS = ["#cc79a7", "#56b4e9", "#661100", "#999933", "#6a4c93", "#117733", "#888888", "#8c510a"]
_COLOURS += ["#4444dd", "#8fb96f", "#4d0f4d"]
_DASHES = [_DASHED, _SOLID, _DASH_DOT, _LONG, _DOTTED]
_MARKERS = ["<", ">", "p", "h", "*", "d", "H"]


def looks(models: Iterable[str]) -> dict[str, Look]:
    """The look of each model: its mixer's own, or the next free one, in order.

    Give every figure of an experiment the same `models` and a model looks the same in all of them.
    """
    models = list(models)
    chosen = {name: labels.look(name) for name in models}
    others = [name for name in models if not chosen[name]]
    spare = islice(zip(cycle(_COLOURS), cycle(_DASHES), cycle(_MARKERS), strict=False), len(others))
    own = dict(zip(others, (Look(*parts) for parts in spare), strict=True))
    return {name: own.get(name) or _look(*chosen[name]) for name in models}


def _look(colour: str, dashes: str, marker: str) -> Look:
    if dashes not in DASHES:
        raise ValueError(f"dashes of a look must be one of {', '.join(DASHES)}, got {dashes!r}")
    return Look(colour, DASHES[dashes], marker)


@contextmanager
def settings():
    """Matplotlib's settings for drawing and saving."""
    with matplotlib.rc_context(_SETTINGS):
        yield


def save(figure: Figure, stem: str | Path) -> None:
    """Write `figure` to `stem`.svg, .pdf and .png; the same figure gives the same bytes."""
    stem = Path(stem)
    nameless = {
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        "png": {"Software": None},
    }
    for suffix, metadata in nameless.items():
        with settings(), atomic(stem.with_name(f"{stem.name}.{suffix}")) as path:
            figure.savefig(path, format=suffix, dpi=300, metadata=metadata)
            if suffix == "svg":
                _enlarge(path)


def _enlarge(svg: Path) -> None:
    """Show an SVG in browsers larger than it would be on paper, where text of 7 points is small."""

    def larger(match: re.Match) -> str:
        return f'{match[1]}="{float(match[2]) * ZOOM:g}pt"'

    head, rest = svg.read_text(encoding="utf-8").split("viewBox", 1)
    head = re.sub(r'(width|height)="([\d.]+)pt"', larger, head)
    svg.write_text(f"{head}viewBox{rest}", encoding="utf-8")


def text_width(text: str, size: float) -> float:
    """Width of a line of text in inches."""
    path = TextPath((0, 0), text, prop=FontProperties(family="DejaVu Sans", size=size))
    return float(path.get_extents().x1) / 72 if text.strip() else 0.0


def panels(
    count: int,
    columns: int,
    size: tuple[float, float],
    gap: tuple[float, float],
    left: float,
    right: float,
    top: float,
    bottom: float,
) -> tuple[Figure, list[Axes]]:
    """A figure with `count` axes of one size, row by row; all measures in inches.

    The page is as large as needed, so text of a fixed size never runs into its neighbours.
    """
    rows = -(-count // columns)
    width = left + columns * size[0] + (columns - 1) * gap[0] + right
    height = top + rows * size[1] + (rows - 1) * gap[1] + bottom
    figure = Figure(figsize=(width, height))
    axes = []
    for i in range(count):
        row, column = divmod(i, columns)
        x = left + column * (size[0] + gap[0])
        y = height - top - size[1] - row * (size[1] + gap[1])
        axes.append(
            figure.add_axes(
                (x / width, y / height, size[0] / width, size[1] / height), label=str(i)
            )
        )
    return figure, axes


def is_last_in_column(i: int, count: int, columns: int) -> bool:
    """Whether no panel lies below panel `i`."""
    return i + columns >= count


def handles(style: dict[str, Look], extra: Sequence = ()) -> list:
    """Entries of a legend: one line per model, then `extra`."""
    lines = [
        Line2D(
            [], [], color=look.colour, linestyle=look.dashes, marker=look.marker,
            markeredgecolor="white", label=labels.model(name),
        )
        for name, look in style.items()
    ]  # fmt: skip
    return [*lines, *extra]


def legend_rows(names: Sequence[str], width: float) -> tuple[int, int]:
    """How many columns of a legend fit into `width` inches, and how many rows that makes."""
    column = max(text_width(label, NORMAL) for label in names) + 0.6
    columns = max(1, min(len(names), int(width / column)))
    rows = -(-len(names) // columns)
    return -(-len(names) // rows), rows


def grid(
    count: int, style: dict[str, Look], extra: Sequence, x: str, y: str
) -> tuple[Figure, list[Axes]]:
    """Panels of line plots, one per task, with labelled axes and one legend below them."""
    columns = min(count, 4 if count <= 16 else 5 if count <= 25 else 6)
    if count in (5, 6, 9):
        columns = 3
    size = (3.2, 2.1) if count == 1 else (2.2, 1.5) if columns <= 3 else (1.55, 1.2)
    gap, left, right, top = (0.16, 0.42), 0.5, 0.12, 0.24
    width = left + columns * size[0] + (columns - 1) * gap[0] + right
    entries = handles(style, extra)
    legend_columns, rows = legend_rows([entry.get_label() for entry in entries], width - 0.1)
    figure, axes = panels(count, columns, size, gap, left, right, top, bottom=0.5 + 0.16 * rows)
    height = figure.get_size_inches()[1]
    for i, axis in enumerate(axes):
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", color="#dddddd", linewidth=0.4)
        axis.set_axisbelow(True)
        if i % columns == 0:
            axis.set_ylabel(y, labelpad=2)
        else:
            axis.tick_params(labelleft=False)
        if is_last_in_column(i, count, columns):
            axis.set_xlabel(x, labelpad=2)
    figure.legend(
        handles=entries,
        ncols=legend_columns,
        loc="lower center",
        bbox_to_anchor=(0.5, 0.03 / height),
        frameon=False,
        handlelength=3.2,
        handletextpad=0.5,
        columnspacing=1.2,
        labelspacing=0.35,
        borderpad=0.2,
    )
    return figure, axes


def axis_in_percent(axis: Axes) -> None:
    """A vertical axis from 0 to 100 per cent for shares in [0, 1]."""
    axis.set_ylim(-0.03, 1.03)
    axis.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100"])


def draw(axis: Axes, spread, x: str, style: dict[str, Look]) -> None:
    """One line and one band per model.

    Where several models are right everywhere their lines coincide; markers at different places tell
    which ones lie there.

    Args:
        spread: a frame with columns model, `x`, mean, worst, best.
        style: the models' looks; the order is that of drawing.
    """
    present = [name for name in style if (spread["model"] == name).any()]
    for i, name in enumerate(present):
        look, rows = style[name], spread[spread["model"] == name].sort_values(x)
        axis.fill_between(
            rows[x], rows["worst"], rows["best"],
            color=look.colour, alpha=min(0.13, 1 / len(present)), linewidth=0, zorder=2,
        )  # fmt: skip
        every = max(4, len(present))
        axis.plot(
            rows[x], rows["mean"], color=look.colour, linestyle=look.dashes, marker=look.marker,
            markevery=sorted({*range(i % every, len(rows), every), len(rows) - 1}),
            markeredgecolor="white", label=name, zorder=3 + i, clip_on=False,
        )  # fmt: skip


def log_ticks(axis: Axes, low: float, high: float) -> None:
    """A log scale, if the values span enough of it, with plain numbers or 1k, 10k, 100k."""
    if high / low < 5:
        pad = (high - low) * 0.04 or 0.5
        axis.set_xlim(low - pad, high + pad)
        axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        return
    axis.set_xscale("log")
    axis.set_xlim(low / 1.05, high * 1.05)
    # Labels at 1, 2, 5, 10, … if 1 and 2 lie far enough apart for them, else at powers of ten.
    width = axis.get_position().width * axis.figure.get_size_inches()[0]
    apart = width * math.log(2) / math.log(high / low)
    fine = apart > text_width(f"{high:.0f}", SMALL) + 0.06
    axis.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if fine else (1,)))
    axis.xaxis.set_minor_locator(NullLocator() if fine else LogLocator(10, subs=range(2, 10)))
    plain = FuncFormatter(lambda value, _: f"{value:.10g}")
    axis.xaxis.set_major_formatter(plain if high < 10_000 else EngFormatter(sep=""))
    axis.xaxis.set_minor_formatter(NullFormatter())
