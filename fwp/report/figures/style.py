"""What all figures share: how a model looks, fonts, page layout, files that come out the same."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import matplotlib
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fwp.report import labels
from fwp.utils.files import atomic

SMALL, NORMAL = 6.5, 7.5  # font sizes in points
GREY = "#555555"
CROSS: dict[str, Any] = {"linestyle": "", "marker": "x", "markersize": 4.5}
SHADE = "#ececec"
ZOOM = 1.4  # of SVG files, which are for screens

_TICKS = {"color": GREY, "labelcolor": "black", "labelsize": SMALL, "minor.size": 1.5}
_TICKS |= {"major.size": 2.5, "major.width": 0.6, "minor.width": 0.4, "major.pad": 2}
_SETTINGS = {
    # DejaVu comes with matplotlib: the same on every machine. The others are for browsers that show
    # an SVG on a machine without it; Verdana is about as wide.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    **dict.fromkeys(["font.size", "axes.titlesize", "axes.labelsize", "legend.fontsize"], NORMAL),
    **{f"{axis}tick.{key}": value for axis in "xy" for key, value in _TICKS.items()},
    "text.color": "black",
    "axes.labelcolor": "black",
    "axes.titlepad": 3,
    "axes.labelpad": 2,
    "axes.linewidth": 0.6,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.4,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "legend.handletextpad": 0.5,
    "legend.columnspacing": 1.2,
    "legend.labelspacing": 0.35,
    "legend.borderpad": 0.2,
    "lines.linewidth": 1,
    "lines.markersize": 3.5,
    "lines.markeredgewidth": 0.4,
    "text.parse_math": False,  # names of users may hold a $
    "axes.unicode_minus": False,
    "pdf.fonttype": 42,  # TrueType: text in the PDF stays text that journals accept
    "svg.fonttype": "none",  # text in the SVG stays text
    "svg.hashsalt": "fwp",
    "text.hinting": "none",  # widths that do not depend on the resolution
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

    A colour in the config comes first.

    Give every figure of an experiment the same `models` and a model looks the same in all of them.
    """
    models = list(models)
    chosen = {name: labels.look(name) for name in models}
    others = [name for name in models if not chosen[name]]
    spare = islice(zip(cycle(_COLOURS), cycle(_DASHES), cycle(_MARKERS), strict=False), len(others))
    own = dict(zip(others, (Look(*parts) for parts in spare), strict=True))
    found = {name: own.get(name) or _look(*chosen[name]) for name in models}
    return {
        name: replace(look, colour=labels.colour(name) or look.colour)
        for name, look in found.items()
    }


def _look(colour: str, dashes: str, marker: str) -> Look:
    if dashes not in DASHES:
        raise ValueError(f"dashes of a look must be one of {', '.join(DASHES)}, got {dashes!r}")
    return Look(colour, DASHES[dashes], marker)


@contextmanager
def settings() -> Iterator[None]:
    """The settings of seaborn and matplotlib for drawing and saving."""
    with matplotlib.rc_context():
        sns.set_theme("paper", "ticks", color_codes=False, rc=_SETTINGS)
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

    text = svg.read_text(encoding="utf-8")
    size = re.compile(r'(width|height)="([\d.]+)pt"')
    svg.write_text(size.sub(larger, text, count=2), encoding="utf-8")


def handles(style: Mapping[str, Look], title: Callable[[str], str] = labels.model) -> list[Line2D]:
    """Entries of a legend: one line per look."""
    with settings():
        return [
            Line2D(
                [], [], color=look.colour, linestyle=look.dashes, marker=look.marker,
                markeredgecolor="white", label=title(name),
            )
            for name, look in style.items()
        ]  # fmt: skip


def semantics(style: Mapping[str, Look], column: str = "model") -> dict:
    """Arguments of seaborn's line plots that give the values of a column their looks."""
    return {
        "hue": column,
        "style": column,
        "hue_order": list(style),
        "style_order": list(style),
        "palette": {name: look.colour for name, look in style.items()},
        "dashes": {name: look.dashes[1] for name, look in style.items()},
        "markers": {name: look.marker for name, look in style.items()},
        "markeredgewidth": 0.4,
        "legend": False,
    }
