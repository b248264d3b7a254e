"""A table of models × columns of different kinds, one per task: Markdown and LaTeX."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from fwp.report import labels
from fwp.report.tables.grid import Cell
from fwp.report.tables.latex import latex_cell, latex_stack
from fwp.report.tables.markdown import escape_markdown, markdown_table


@dataclass(frozen=True)
class Column:
    """The head of a column.

    Attributes:
        title: in Markdown and HTML.
        short: in LaTeX, where the caption explains it; "" for the title.
    """

    title: str
    short: str = ""


@dataclass
class TaskTable:
    """What models do on one task.

    Attributes:
        task: its name.
        columns: beside that of models.
        rows: of each model its name and cells.
        notes: sentences below the heading.
    """

    task: str
    columns: list[Column]
    rows: list[tuple[str, list[Cell]]]
    notes: list[str] = field(default_factory=list)


def markdown_of_task(table: TaskTable) -> str:
    """Heading, notes and table."""
    rows = [[labels.model(model), *map(_mark, cells)] for model, cells in table.rows]
    head = ["Model", *(column.title for column in table.columns)]
    parts = [f"## {escape_markdown(labels.task(table.task))}", *map(escape_markdown, table.notes)]
    return "\n\n".join([*parts, markdown_table(head, rows)]) + "\n"


def latex_of_task(table: TaskTable, caption: str, label: str) -> str:
    """The table as a float; its notes end the caption."""
    head = ["Model", *(column.short or column.title for column in table.columns)]
    rows = [[labels.model_latex(model), *map(latex_cell, cells)] for model, cells in table.rows]
    text = labels.escape_latex(" ".join([caption, *table.notes]))
    stack: Sequence = [(labels.task_latex(table.task), rows)]
    return latex_stack([*map(labels.escape_latex, head)], stack, text, label)


def _mark(cell: Cell) -> str:
    return f"**{cell.text}**" if cell.strong else cell.text
