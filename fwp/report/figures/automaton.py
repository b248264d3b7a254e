"""Automata with outputs: states on a circle, arrows with the symbols that lead along them."""

import math
from collections.abc import Sequence

import networkx as nx
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from fwp.report.figures.layout import page
from fwp.report.figures.style import NORMAL, SMALL

RADIUS = 0.17  # of a state, in inches
SIZE = (2 * RADIUS * 72) ** 2  # the same in points squared
DARK = "#444444"
FILLS = ["#dbe9f6", "#fdebd3", "#dff0e3", "#f3dbe7", "#eeeeee", "#f7f3c6"]


def automata(drawn: Sequence[tuple[str, dict | None]]) -> Figure:
    """Machines (`fwp.languages._machine`) side by side, each under its title.

    A state is coloured by what is said there; its number is that of the order in which states are
    reached. In place of None it says that there is no automaton.
    """
    largest = max((len(machine) for _, machine in drawn if machine), default=1)
    size = max(1.7, 2 * _ring(largest) + 1.2)
    said = [output for _, machine in drawn if machine for output, _ in machine.values()]
    fills = dict(zip(dict.fromkeys(said), FILLS * (1 + len(said)), strict=False))
    key = [Patch(facecolor=fill, edgecolor=DARK, label=text) for text, fill in fills.items()]
    columns = max(1, min(len(drawn), int(9 / size)))
    with page(len(drawn), columns, (size, size), legend=key) as (figure, axes):
        for axis, (title, machine) in zip(axes, drawn, strict=True):
            axis.set_title(title)
            if machine is None:
                axis.text(0, 0, "no automaton", ha="center", color="#777777", fontsize=NORMAL)
            else:
                _draw(axis, machine, fills)
            axis.set(xlim=(-size / 2, size / 2), ylim=(-size / 2, size / 2))
            axis.axis("off")
    return figure


def _ring(count: int) -> float:
    """Radius in inches of the circle on which so many states lie."""
    return 0.0 if count == 1 else max(0.45, count * 0.8 / (2 * math.pi))


def _draw(axis: Axes, machine: dict, fills: dict[str, str]) -> None:
    # Clockwise, the first state at the left.
    angles = {state: math.pi - 2 * math.pi * i / len(machine) for i, state in enumerate(machine)}
    places = {s: _beside((0, 0), _ring(len(machine)), angle) for s, angle in angles.items()}
    first = next(iter(machine))
    angles[first] = 0.75 * math.pi  # of its loop: the arrow from the left says that it is the first
    edges, loops = {}, {}
    for state, (_, following) in machine.items():
        for symbol, after in following.items():
            if state == after:  # a loop leads from one point of the rim to another
                loops.setdefault(((state, 0.5), (state, -0.5)), []).append(symbol)
            else:
                edges.setdefault((state, after), []).append(symbol)
    rims = {
        (s, turn): _beside(places[s], RADIUS, angles[s] + turn)
        for s in machine
        for turn in (0.5, -0.5)
    }
    # An arrow is bent, so that the one back does not lie on it; its text is beyond the bend.
    _arrows(axis, places, edges, SIZE, bend=0.22, text=0.42)
    _arrows(axis, rims, loops, 0, bend=-1.6, text=-2.8)
    x, y = places[first]
    _arrows(axis, {"": (x - RADIUS - 0.28, y), first: (x - RADIUS, y)}, {("", first): []}, 0)
    graph = nx.DiGraph()
    graph.add_nodes_from(machine)
    fill = [fills[output] for output, _ in machine.values()]
    nx.draw_networkx_nodes(graph, places, node_size=SIZE, node_color=fill, edgecolors=DARK, ax=axis)
    nx.draw_networkx_labels(graph, places, font_size=SMALL, ax=axis)


def _beside(place: tuple[float, float], distance: float, angle: float) -> tuple[float, float]:
    return place[0] + distance * math.cos(angle), place[1] + distance * math.sin(angle)


def _arrows(
    axis: Axes,
    places: dict,
    symbols: dict[tuple, list[str]],
    size: float,
    bend: float = 0,
    text: float = 0,
) -> None:
    """Arrows between places, shortened by nodes of a size, each with its symbols."""
    graph = nx.DiGraph(list(symbols))
    shared = {"node_size": size, "ax": axis}
    nx.draw_networkx_edges(
        graph,
        places,
        connectionstyle=f"arc3,rad={bend}",
        edge_color=DARK,
        arrowstyle="-|>",
        arrowsize=6,
        width=0.8,
        **shared,
    )
    texts = {edge: " ".join(s) for edge, s in symbols.items() if s}
    nx.draw_networkx_edge_labels(
        graph,
        places,
        texts,
        connectionstyle=f"arc3,rad={text}",
        font_size=SMALL,
        rotate=False,
        bbox={"alpha": 0},
        **shared,
    )
