"""A model × task table; `markdown`, `latex` and the templates of `fwp.report.html` set it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class Cell:
    """One entry.

    Attributes:
        text: what is written, in Unicode.
        strong: set in bold.
        share: a number in [0, 1] that HTML shows as the cell's shade; None for no shade.
    """

    text: str
    strong: bool = False
    share: float | None = None


@dataclass
class Grid:
    """A table of models (rows) × tasks (columns).

    Attributes:
        title: heading, a few words; "" for a grid that needs none beside its section's.
        models: names of the rows.
        tasks: names of the columns.
        cells: (model, task) → Cell; a missing one has no results.
    """

    title: str
    models: list[str]
    tasks: list[str]
    cells: dict[tuple[str, str], Cell]

    def cell(self, model: str, task: str) -> Cell:
        """What is written of a model on a task."""
        return self.cells.get((model, task), Cell("–"))

    def row(self, model: str, tasks: Sequence[str]) -> list[Cell]:
        """The cells of one model."""
        return [self.cell(model, task) for task in tasks]


@dataclass
class Section:
    """Grids of one kind, which share a heading and an explanation.

    Attributes:
        label: a short name without spaces, for references.
        title: heading, a few words.
        note: how to read the numbers, a sentence or two.
        grids: at least one; all of the same models.
        bold: what it means that a cell is strong.
    """

    label: str
    title: str
    note: str
    grids: list[Grid]
    bold: str = "every seed is at 100 %"


def blocks(tasks: Sequence[str], width: int) -> list[Sequence[str]]:
    """Tasks in groups of about equal size, at most `width` each, so that a table fits on a page."""
    count = -(-len(tasks) // width)
    size = -(-len(tasks) // count)
    return [tasks[i : i + size] for i in range(0, len(tasks), size)]
