"""Where the rules of a workflow stand in a drawing: from left to right, each behind what it needs.

The method is that of Sugiyama, Tagawa and Toda (1981): layers by the longest way from a start,
invisible points where an arrow passes a layer, and rows in the order of the neighbours' rows.
"""

from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from itertools import pairwise
from statistics import fmean
from typing import NamedTuple

WIDTH, HEIGHT = 108, 42  # of a box, in CSS pixels
BESIDE, BELOW = 24, 14  # free space between boxes
PASSING = 10  # height of the row of an arrow that passes a layer
SWEEPS = 4

Point = str | tuple[str, str, int]  # a rule, or where an arrow between two passes a layer


class Box(NamedTuple):
    """A rule: its name, and the upper left corner of its box."""

    name: str
    x: float
    y: float


class Drawing(NamedTuple):
    """Boxes, arrows between them as paths of SVG, and the size of all."""

    boxes: list[Box]
    arrows: list[str]
    width: float
    height: float


def draw(after: Mapping[str, Sequence[str]]) -> Drawing:
    """Place rules.

    Args:
        after: each rule, and the rules that it needs files of.

    Raises:
        graphlib.CycleError: rules need each other.
    """
    needed = direct(after)
    layers: dict[str, int] = {}
    for name in needed:
        layers[name] = 1 + max((layers[other] for other in needed[name]), default=-1)
    ways = [_way(a, b, layers) for b in needed for a in needed[b]]
    columns: list[list[Point]] = [[] for _ in range(1 + max(layers.values()))]
    for way in [[name] for name in after] + [way[1:-1] for way in ways]:
        for point in way:
            columns[_layer(point, layers)].append(point)
    _sort(columns, ways)
    middles, height = _middles(columns)
    step = WIDTH + BESIDE
    boxes = [Box(name, layers[name] * step, middles[name] - HEIGHT / 2) for name in after]
    arrows = [_path([(_layer(p, layers) * step, middles[p]) for p in way]) for way in ways]
    return Drawing(boxes, arrows, len(columns) * step - BESIDE, height)


def direct(after: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """`after` in the order of the work, without what others imply.

    If c needs a and b, and b needs a, then c is behind b alone: few arrows say as much.
    """
    earlier: dict[str, set[str]] = {}
    for name in TopologicalSorter(after).static_order():
        earlier[name] = set(after[name]).union(*(earlier[other] for other in after[name]))
    return {
        name: [a for a in after[name] if not any(a in earlier[b] for b in after[name])]
        for name in earlier
    }


def _way(start: str, end: str, layers: Mapping[str, int]) -> list[Point]:
    passed = range(layers[start] + 1, layers[end])
    return [start, *((start, end, layer) for layer in passed), end]


def _layer(point: Point, layers: Mapping[str, int]) -> int:
    return layers[point] if isinstance(point, str) else point[2]


def _sort(columns: list[list[Point]], ways: list[list[Point]]) -> None:
    """Sort each column by where its neighbours stand: first those before it, then those behind."""
    steps = [step for way in ways for step in pairwise(way)]
    before: dict[Point, list[Point]] = {b: [a for a, c in steps if c == b] for _, b in steps}
    behind: dict[Point, list[Point]] = {a: [b for c, b in steps if c == a] for a, _ in steps}
    for sweep in range(SWEEPS):
        neighbours = behind if sweep % 2 else before
        for points in columns[:: -1 if sweep % 2 else 1]:
            rows = {p: i / len(column) for column in columns for i, p in enumerate(column)}
            points.sort(key=lambda p: fmean(rows[q] for q in neighbours.get(p, [p])))


def _middles(columns: list[list[Point]]) -> tuple[dict[Point, float], float]:
    """The height of the middle of each point, columns being centred, and that of the drawing."""
    sizes = [[HEIGHT if isinstance(p, str) else PASSING for p in points] for points in columns]
    heights = [sum(own) + BELOW * (len(own) - 1) for own in sizes]
    middles: dict[Point, float] = {}
    for points, own, height in zip(columns, sizes, heights, strict=True):
        top = (max(heights) - height) / 2
        for point, size in zip(points, own, strict=True):
            middles[point] = top + size / 2
            top += size + BELOW
    return middles, max(heights)


def _path(points: list[tuple[float, float]]) -> str:
    """A curve from box to box; level where it passes a layer."""
    (left, last), *rest = points
    x, text = left + WIDTH, f"M{left + WIDTH:g},{last:g}"
    for left, y in rest:
        bend = (x + left) / 2
        text += f" C{bend:g},{last:g} {bend:g},{y:g} {left:g},{y:g}"
        x, last = left + WIDTH, y
        if left != points[-1][0]:
            text += f" H{x:g}"
    return f"{text} m-6,-3.5 l6,3.5 l-6,3.5"  # the head
