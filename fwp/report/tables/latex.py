"""Tables in LaTeX, as floats that fit on pages: model × task, and a table of columns per task."""

from collections.abc import Sequence
from dataclasses import replace

from fwp.report import labels
from fwp.report.tables.grid import Cell, Grid, Section, blocks
from fwp.report.tables.marks import explained

PAGE, WIDE_PAGE = 397, 455  # points: text width of a page with wide margins, of two columns
FONTS = {r"\small": 9, r"\footnotesize": 8, r"\scriptsize": 7}
TABCOLSEP = 3


def latex_floats(section: Section, caption: str, rows: int = 40) -> list[str]:
    """The section's grids as floats, as few as fit on pages, labelled tab:label, tab:label-2, …

    Args:
        section: the grids to set; grids that share a float get their titles as headings.
        caption: LaTeX.
        rows: the most lines in a table.
    """
    together = max(1, rows // (len(section.grids[0].models) + 1))
    floats = []
    for i in range(0, len(section.grids), together):
        stack = section.grids[i : i + together]
        tasks = labels.in_order("task", dict.fromkeys(t for grid in stack for t in grid.tasks))
        floats += [(stack, block) for block in _latex_blocks(stack, tasks)]
    tables = []
    for number, (stack, tasks) in enumerate(floats, 1):
        tail = f" ({number} of {len(floats)})" if len(floats) > 1 else ""
        label = section.label + (f"-{number}" if number > 1 else "")
        shown = [_only(grid, tasks) for grid in stack]
        text = caption + labels.escape_latex(explained(shown, bold=section.bold)) + tail
        tables.append(_latex_table(stack, tasks, text, label, len(section.grids) > 1))
    return tables


def _only(grid: Grid, tasks: Sequence[str]) -> Grid:
    """The columns of a grid that a float has."""
    return replace(grid, cells={key: c for key, c in grid.cells.items() if key[1] in tasks})


def _latex_blocks(grids: Sequence[Grid], tasks: Sequence[str]) -> list[Sequence[str]]:
    """The tasks, cut into as few blocks as fit on a page side by side."""
    for width in range(len(tasks), 1, -1):
        groups = blocks(tasks, width)
        if all(_latex_width(grids, group, 7) <= WIDE_PAGE for group in groups):
            return groups
    return blocks(tasks, 1)


def _latex_width(grids: Sequence[Grid], tasks: Sequence[str], size: float) -> float:
    """Estimated width of a table in points; a character takes 0.54 em on average, 0.62 if bold."""
    columns = [max(len(labels.model(model)) for grid in grids for model in grid.models) * 0.54]
    for task in tasks:
        cells = [
            cell for grid in grids for model in grid.models for cell in grid.row(model, [task])
        ]
        widths = [
            (len(cell.text) + cell.text.count("≥")) * (0.62 if cell.strong else 0.54)
            for cell in cells
        ]
        columns.append(max(len(labels.task(task)) * 0.54, *widths))
    return sum(columns) * size + 2 * TABCOLSEP * len(tasks)


def _latex_table(
    grids: Sequence[Grid], tasks: Sequence[str], caption: str, label: str, titles: bool
) -> str:
    fitting = [font for font, size in FONTS.items() if _latex_width(grids, tasks, size) <= PAGE]
    lines = [
        r"\begin{table*}[tbp]",
        r"\centering",
        rf"\caption{{{caption}}}",
        rf"\label{{tab:{label}}}",
        fitting[0] if fitting else list(FONTS)[-1],
        rf"\setlength{{\tabcolsep}}{{{TABCOLSEP}pt}}",
        rf"\begin{{tabular}}{{@{{}}l{'c' * len(tasks)}@{{}}}}",
        r"\toprule",
        " & ".join(["Model", *map(labels.task_latex, tasks)]) + r" \\",
    ]
    for grid in grids:
        lines.append(r"\midrule")
        if titles and grid.title:
            heading = labels.escape_latex(grid.title)
            lines.append(rf"\multicolumn{{{len(tasks) + 1}}}{{@{{}}l}}{{\emph{{{heading}}}}} \\")
            lines.append(r"\addlinespace[2pt]")
        for model in grid.models:
            cells = [latex_cell(cell) for cell in grid.row(model, tasks)]
            lines.append(" & ".join([labels.model_latex(model), *cells]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table*}", ""]
    return "\n".join(lines)


def latex_stack(
    head: Sequence[str],
    stack: Sequence[tuple[str, Sequence[Sequence[str]]]],
    caption: str,
    label: str,
    columns: str = "",
) -> str:
    """Tables with the same columns in one float, each below its heading.

    Args:
        head: titles of the columns, LaTeX as all that follows.
        stack: heading and rows of each table.
        caption: of the float.
        label: of the float, after tab:.
        columns: the columns' kinds; by default the first is flush left, all others are centred.
    """
    lines = [
        r"\begin{table*}[tbp]",
        r"\centering",
        rf"\caption{{{caption}}}",
        rf"\label{{tab:{label}}}",
        list(FONTS)[-1],
        rf"\setlength{{\tabcolsep}}{{{TABCOLSEP}pt}}",
        rf"\begin{{tabular}}{{@{{}}{columns or 'l' + 'c' * (len(head) - 1)}@{{}}}}",
        r"\toprule",
        " & ".join(head) + r" \\",
    ]
    for heading, rows in stack:
        lines.append(r"\midrule")
        lines.append(rf"\multicolumn{{{len(head)}}}{{@{{}}l}}{{\emph{{{heading}}}}} \\")
        lines.append(r"\addlinespace[2pt]")
        lines += [" & ".join(row) + r" \\" for row in rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table*}", ""])


def latex_cell(cell: Cell) -> str:
    """What is written of a cell."""
    text = labels.escape_latex(cell.text)
    return rf"\textbf{{{text}}}" if cell.strong else text
