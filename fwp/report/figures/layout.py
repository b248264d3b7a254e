"""Pages of panels: constrained layout, and a page as large as its panels need."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.legend import Legend

from fwp.report.figures.style import settings


@contextmanager
def page(
    count: int,
    columns: int,
    size: tuple[float, float],
    *,
    x: str = "",
    y: str = "",
    shared: str = "",
    legend: Sequence = (),
    narrowest: float = 0,
) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure of `count` panels, row by row, to be drawn within the context.

    When the context ends, the page gets the size at which every panel has its size: text never runs
    into its neighbours, and layouts stay as they are when the figure is saved.

    Args:
        size: width and height of a panel in inches.
        x, y: the labels of the outer axes; without y each panel has its own.
        shared: which axes, of "x" and "y", have ticks that are labelled at the outer panels alone.
        legend: handles of the legend below the panels.
        narrowest: the least width of the page in inches.
    """
    rows = -(-count // columns)
    with settings():
        figure = Figure(
            (columns * (size[0] + 2) + 4, rows * (size[1] + 2) + 4), layout="constrained"
        )
        grid = figure.add_gridspec(rows, columns)
        axes = [figure.add_subplot(grid[i], label=str(i)) for i in range(count)]
        yield figure, axes
        for i, axis in enumerate(axes):
            for artist in (*axis.lines, *axis.collections, *axis.patches, *axis.texts):
                artist.set_in_layout(False)  # it is within the panel, and slow to measure
            axis.set_xlabel(x)
            if y:
                axis.set_ylabel(y if i % columns == 0 else "")
            axis.tick_params(labelleft=i % columns == 0 or "y" not in shared)
            axis.tick_params(labelbottom=i >= (rows - 1) * columns or "x" not in shared)
            axis.xaxis.label.set_visible(i >= (rows - 1) * columns)
        _fit(figure, axes, columns, size, narrowest)
        if legend:
            width = _legend(figure, legend, ncols=1).get_tightbbox().width / figure.dpi
            figure.legends[0].remove()
            ncols = max(1, min(len(legend), int(figure.get_figwidth() / width)))
            ncols = -(-len(legend) // -(-len(legend) // ncols))  # rows of about equal length
            _legend(figure, legend, ncols)
            _fit(figure, axes, columns, size, max(narrowest, width + 0.1))
        figure.set_layout_engine("none")
        for axis in axes[-columns:]:  # the last of each column, some above a place without panel
            axis.tick_params(labelbottom=True)
            axis.xaxis.label.set_visible(True)


def _legend(figure: Figure, handles: Sequence, ncols: int) -> Legend:
    return figure.legend(handles=handles, loc="outside lower center", ncols=ncols)


def _fit(
    figure: Figure, axes: list[Axes], columns: int, size: tuple[float, float], narrowest: float
) -> None:
    """Give the page the size at which panels have `size`: what is around them keeps its own."""
    grid = columns, -(-len(axes) // columns)
    # The layout leaves no room for a title or a label that is wider than its panel.
    wide = [text.get_window_extent() for axis in axes for text in (axis.title, axis.xaxis.label)]
    over = max(box.width for box in wide) / figure.dpi - size[0]
    figure.get_layout_engine().set(w_pad=max(0.05, 0.05 + over / 2), h_pad=0.05)
    for _ in range(12):  # again for what depends on the size of the page
        figure.get_layout_engine().execute(figure)
        page = figure.get_size_inches()
        short = size - page * axes[0].get_position().size
        wanted = np.maximum(page + short * grid, (narrowest, 0))
        if np.allclose(wanted, page, atol=0.01):
            break
        figure.set_size_inches(np.maximum(wanted, 0.75 * page))  # a smaller one may be too small
