"""Marks in cells of tables, each explained only where it occurs."""

from collections.abc import Iterable

from fwp.report.tables.grid import Grid
from fwp.results.statistics import APART

FAR = "◇"  # seeds of the cell are far apart
MARKS = {
    "†": "a seed diverged; it is evaluated with its last finite weights, or counted as 0 if it "
    "has none",
    FAR: f"seeds differ by more than {100 * APART:.0f} points",
    "‡": "some seeds have no results",
    "≥": "no longer strings were tested",
}


def explained(grids: Iterable[Grid], *, bold: str) -> str:
    """A sentence on the marks that occur in tables, with a space before it; else "".

    Args:
        bold: what it means that a cell is set in bold.
    """
    cells = [cell for grid in grids for cell in grid.cells.values()]
    parts = [f"bold: {bold}"] if any(cell.strong for cell in cells) else []
    parts += [
        f"{mark}: {meaning}"
        for mark, meaning in MARKS.items()
        if any(mark in cell.text for cell in cells)
    ]
    text = "; ".join(parts)
    return f" {text[0].upper()}{text[1:]}." if parts else ""
