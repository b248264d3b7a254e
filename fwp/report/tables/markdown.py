"""Tables in Markdown that also read well as plain text."""

import re
from collections.abc import Sequence

from fwp.report import labels
from fwp.report.tables.grid import Cell, Section, blocks


def markdown_section(section: Section, width: int = 8) -> str:
    """A section with heading, note and tables of at most `width` tasks side by side."""
    parts = [f"## {section.title}", section.note]
    for grid in section.grids:
        if grid.title:
            parts.append(f"### {escape_markdown(grid.title)}")
        for tasks in blocks(grid.tasks, width):
            rows = [
                [labels.model(model), *map(_mark, grid.row(model, tasks))] for model in grid.models
            ]
            parts.append(markdown_table(["Model", *map(labels.task, tasks)], rows))
    return "\n\n".join(parts) + "\n"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """A table that also reads well as plain text; all but the first `left` columns flush right."""
    # A symbol of an alphabet may be a line break.
    rows = [[re.sub(r"[\x00-\x1f\x7f]", lambda c: repr(c[0])[1:-1], t) for t in r] for r in rows]
    rows = [[escape_markdown(text) for text in row] for row in [header, *rows]]
    widths = [max(3, *(len(row[i]) for row in rows)) for i in range(len(header))]
    rules = ["-" * width if i < left else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    lines = [
        [
            text.ljust(width) if i < left else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in [lines[0], rules, *lines[1:]])


def escape_markdown(text: str) -> str:
    """Keep stars and underscores of names from being read as emphasis; ** stays."""
    text = re.sub(r"([\\|`<\[]|(?<!\*)\*(?!\*))", r"\\\1", text)
    return re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", text)


def _mark(cell: Cell) -> str:
    return f"**{cell.text}**" if cell.strong else cell.text
