"""Automata with outputs: states on a circle, arrows with the symbols that lead along them."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Patch

from fwp.report.figures.style import NORMAL, SMALL, panels, settings, text_width

RADIUS = 0.17  # of a state, in inches
ARROW = {"arrowstyle": "-|>", "mutation_scale": 6, "linewidth": 0.8, "color": "#444444"}
FILLS = ["#dbe9f6", "#fdebd3", "#dff0e3", "#f3dbe7", "#eeeeee", "#f7f3c6"]


def automata(drawn: Sequence[tuple[str, dict | None]]) -> Figure:
    """Machines (`fwp.languages._machine`) side by side, each under its title.

    A state is coloured by what is said there; its number is that of the order in which states are
    reached. In place of None it says that there is no automaton.
    """
    largest = max((len(machine) for _, machine in drawn if machine), default=1)
    size = max(1.5, 2 * _ring(largest) + 1.3)
    widest = max(text_width(title, NORMAL) for title, _ in drawn)
    said = [output for _, machine in drawn if machine for output, _ in machine.values()]
    fills = dict(zip(dict.fromkeys(said), FILLS * (1 + len(said)), strict=False))
    with settings():
        gap = (max(0.3, widest - size + 0.2), 0)
        figure, axes = panels(
            len(drawn), len(drawn), (size, size), gap, 0.1, max(0.1, widest - size), 0.25, 0.25
        )
        marks = [
            Patch(facecolor=fill, edgecolor="#444444", label=text) for text, fill in fills.items()
        ]
        figure.legend(handles=marks, loc="lower left", ncols=8, frameon=False, borderpad=0.1)
        for axis, (title, machine) in zip(axes, drawn, strict=True):
            axis.set_title(title, loc="left", pad=3, fontsize=NORMAL)
            axis.set(xlim=(-size / 2, size / 2), ylim=(-size / 2, size / 2))
            axis.axis("off")
            if machine is None:
                axis.text(0, 0, "no automaton", ha="center", color="#777777", fontsize=NORMAL)
            else:
                _draw(axis, machine, fills)
    return figure


def _ring(count: int) -> float:
    """Radius of the circle on which so many states lie."""
    return 0.0 if count == 1 else max(0.45, count * 0.8 / (2 * math.pi))


def _draw(axis: Axes, machine: dict, fills: dict[str, str]) -> None:
    ring, count = _ring(len(machine)), len(machine)
    angles = {state: math.pi - 2 * math.pi * i / count for i, state in enumerate(machine)}
    places = {s: (ring * math.cos(angle), ring * math.sin(angle)) for s, angle in angles.items()}
    edges: dict[tuple, list[str]] = {}
    for state, (_, following) in machine.items():
        for symbol, after in following.items():
            edges.setdefault((state, after), []).append(symbol)
    for (state, after), symbols in edges.items():
        text = " ".join(symbols)
        if state == after:
            _loop(axis, places[state], angles[state], text)
        else:
            _arrow(axis, places[state], places[after], text)
    x, y = places[next(iter(machine))]
    axis.add_patch(FancyArrowPatch((x - RADIUS - 0.28, y), (x - RADIUS, y), **ARROW))
    for state, (output, _) in machine.items():
        axis.add_patch(Circle(places[state], RADIUS, facecolor=fills[output], edgecolor="#444444"))
        x, y = places[state]
        axis.text(x, y, str(state), ha="center", va="center_baseline", fontsize=SMALL)


def _arrow(axis: Axes, begin: tuple, end: tuple, text: str) -> None:
    """An arrow bent to its left, so that the one back does not lie on it."""
    bend = 0.22
    axis.add_patch(
        FancyArrowPatch(
            begin, end, connectionstyle=f"arc3,rad={bend}",
            shrinkA=RADIUS * 72, shrinkB=RADIUS * 72, **ARROW,
        )
    )  # fmt: skip
    dx, dy = end[0] - begin[0], end[1] - begin[1]
    length = math.hypot(dx, dy)
    # arc3 bends to the right of the way from begin to end, half of `bend` times its length.
    off = bend / 2 * length + 0.07
    x, y = (begin[0] + end[0]) / 2 + dy / length * off, (begin[1] + end[1]) / 2 - dx / length * off
    axis.text(x, y, text, ha="center", va="center", fontsize=SMALL)


def _loop(axis: Axes, place: tuple, angle: float, text: str) -> None:
    """An arrow from a state to itself, on the outer side of the circle."""
    points = [
        (place[0] + RADIUS * math.cos(angle + turn), place[1] + RADIUS * math.sin(angle + turn))
        for turn in (0.5, -0.5)
    ]
    # The start arrow comes from the left.
    if abs(math.cos(angle) + 1) < 1e-6:
        points = [
            (place[0] + RADIUS * math.sin(t), place[1] + RADIUS * math.cos(t)) for t in (-0.5, 0.5)
        ]
        angle = math.pi / 2
    axis.add_patch(FancyArrowPatch(*points, connectionstyle="arc3,rad=-1.6", **ARROW))
    reach = RADIUS + 0.24
    x, y = place[0] + reach * math.cos(angle), place[1] + reach * math.sin(angle)
    axis.text(x, y, text, ha="center", va="center", fontsize=SMALL)
