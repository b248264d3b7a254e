"""Pages of panels: constrained layout, and a page as large as its panels need."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend

from fwp.report.figures.style import settings

PAD = 0.06  # inches around panels


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
    below: float = 0,
) -> Iterator[tuple[Figure, list[Axes]]]:
    """A figure of `count` panels, row by row, to be drawn within the context.

    When the context ends, the page gets the size at which every panel has its size: text never runs
    into its neighbours, and layouts stay as they are when the figure is saved.

    Args:
        size: width and height of a panel in inches.
        x, y: the labels of the outer axes; without one, each panel has its own.
        shared: which axes, of "x" and "y", have ticks that are labelled at the outer panels alone.
        legend: handles of the legend below the panels.
        narrowest: the least width of the page in inches.
        below: height of what is left free at the bottom, in inches.
    """
    rows = -(-count // columns)
    with settings():
        figure = Figure()
        grid = figure.add_gridspec(rows, columns)
        axes = [figure.add_subplot(grid[i], label=str(i)) for i in range(count)]
        yield figure, axes
        for i, axis in enumerate(axes):
            for artist in (*axis.lines, *axis.collections, *axis.patches, *axis.texts):
                artist.set_in_layout(False)  # it is within the panel, and slow to measure
            if x:
                axis.set_xlabel(x)
                axis.xaxis.label.set_visible(i >= (rows - 1) * columns)
            if y:
                axis.set_ylabel(y if i % columns == 0 else "")
            axis.tick_params(labelleft=i % columns == 0 or "y" not in shared)
            axis.tick_params(labelbottom=i >= (rows - 1) * columns or "x" not in shared)
        if legend:
            width = _legend(figure, legend, 1).get_window_extent().width / figure.dpi
            figure.legends[0].remove()
            narrowest = max(narrowest, width + 0.1)
            ncols = max(1, min(len(legend), int(columns * (size[0] + 0.1) / width)))
            _legend(figure, legend, -(-len(legend) // -(-len(legend) // ncols)))  # full rows
        _fit(figure, axes, columns, size, narrowest, below)
        figure.set_layout_engine(None)  # not "none", which would lay it out again for every file
        for axis in figure.axes:  # the solver's last digits depend on addresses in memory
            axis.set_position(np.round(axis.get_position().bounds, 5).tolist())
        for axis in axes[-columns:]:  # the last of each column, some above a place without panel
            axis.tick_params(labelbottom=True)
            axis.xaxis.label.set_visible(True)


def _legend(figure: Figure, handles: Sequence, ncols: int) -> Legend:
    return figure.legend(handles=handles, loc="outside lower center", ncols=ncols)


def _fit(
    figure: Figure,
    axes: list[Axes],
    columns: int,
    size: tuple[float, float],
    narrowest: float,
    below: float,
) -> None:
    """Give the page the size at which panels have `size`: what is around them keeps its own."""
    grid = np.array([columns, -(-len(axes) // columns)])
    # The layout leaves no room for a title or a label that is wider than its panel.
    wide = [text.get_window_extent() for axis in axes for text in (axis.title, axis.xaxis.label)]
    over = max(0, max(box.width for box in wide) / figure.dpi - size[0])
    # No spaces that grow with the page: what is around the panels then keeps its size.
    layout = ConstrainedLayoutEngine(w_pad=PAD + over / 2, h_pad=PAD, wspace=0, hspace=0)
    figure.set_layout_engine(layout)
    figure.set_size_inches(*grid * (size[0] + over + 0.6, size[1] + 0.8) + (6, 4))  # too large
    for _ in range(12):  # again for what depends on the size of the page
        page = figure.get_size_inches()
        layout.set(rect=(0, below / page[1], 1, 1 - below / page[1]))
        layout.execute(figure)
        short = size - page * axes[0].get_position().size
        wanted = np.maximum(page + short * grid, (narrowest, 0))
        if np.allclose(wanted, page, atol=0.01):
            break
        figure.set_size_inches(
            *np.maximum(wanted, 0.4 * page).round(3)
        )  # a smaller one may be too small
