"""A model × task table and its renderings: Markdown, LaTeX, HTML."""

import html
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from fwp.report import labels


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

    def row(self, model: str, tasks: Sequence[str]) -> list[Cell]:
        """The cells of one model."""
        return [self.cells.get((model, task), Cell("–")) for task in tasks]


@dataclass
class Section:
    """Grids of one kind, which share a heading and an explanation.

    Attributes:
        label: a short name without spaces, for references.
        title: heading, a few words.
        note: how to read the numbers, a sentence or two.
        grids: at least one; all of the same models.
    """

    label: str
    title: str
    note: str
    grids: list[Grid]


def blocks(tasks: Sequence[str], width: int) -> list[Sequence[str]]:
    """Tasks in groups of about equal size, at most `width` each, so that a table fits on a page."""
    count = -(-len(tasks) // width)
    size = -(-len(tasks) // count)
    return [tasks[i : i + size] for i in range(0, len(tasks), size)]


# Markdown -----------------------------------------------------------------------------------------


def markdown(section: Section, width: int = 8) -> str:
    """A section with heading, note and tables of at most `width` tasks side by side."""
    parts = [f"## {section.title}", section.note]
    for grid in section.grids:
        parts += [f"### {escape_markdown(grid.title)}"] * bool(grid.title)
        for tasks in blocks(grid.tasks, width):
            rows = [
                [labels.model(model), *map(_mark, grid.row(model, tasks))] for model in grid.models
            ]
            parts.append(markdown_table(["Model", *map(labels.task, tasks)], rows))
    return "\n\n".join(parts) + "\n"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """A table that also reads well as plain text; all but the first `left` columns flush right."""
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


# LaTeX --------------------------------------------------------------------------------------------

PAGE, WIDE_PAGE = (
    397,
    455,
)  # points: text width of a page with wide margins, and of a two-column one
FONTS = {r"\small": 9, r"\footnotesize": 8, r"\scriptsize": 7}
TABCOLSEP = 3


def latex(section: Section, caption: str, rows: int = 40) -> list[str]:
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
        tasks = list(dict.fromkeys(task for grid in stack for task in grid.tasks))
        floats += [(stack, block) for block in _latex_blocks(stack, tasks)]
    tables = []
    for number, (stack, tasks) in enumerate(floats, 1):
        tail = f" ({number} of {len(floats)})" if len(floats) > 1 else ""
        label = section.label + (f"-{number}" if number > 1 else "")
        tables.append(_latex_table(stack, tasks, caption + tail, label, len(section.grids) > 1))
    return tables


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
            cells = [_latex_cell(cell) for cell in grid.row(model, tasks)]
            lines.append(" & ".join([labels.model_latex(model), *cells]) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{table*}", ""]
    return "\n".join(lines)


def _latex_cell(cell: Cell) -> str:
    text = labels.escape_latex(cell.text)
    return rf"\textbf{{{text}}}" if cell.strong else text


# HTML ---------------------------------------------------------------------------------------------

STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff; margin: 1.5rem; }
h1 { font-size: 1.35rem; margin: 0 0 .5rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .25rem; }
h3 { font-size: .95rem; font-weight: 600; margin: 1rem 0 .25rem; }
p { margin: 0 0 .75rem; max-width: 50rem; } .scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .55rem; white-space: nowrap; text-align: center; border: 1px solid #fff; }
td { min-width: 4.6rem; }
thead th { border-bottom: 2px solid #1b1b1b; font-weight: 600; }
tbody th { text-align: left; font-weight: 400; position: sticky; left: 0; background: #fff; }
thead th:first-child { text-align: left; position: sticky; left: 0; background: #fff; }
td a { color: inherit; text-decoration: none; display: block; }
td a:hover, td a:focus { text-decoration: underline; }
td.plain, tr:has(.plain) th { border-bottom-color: #ddd; }
td.text, tr:has(.text) th, table:has(.text) thead th { white-space: normal; text-align: left; }
td.text, tr:has(.text) th { vertical-align: top; }
td.text, tr:has(.text) th { border-bottom-color: #ddd; min-width: 6.5rem; max-width: 32rem; }
tr:has(.text) th { min-width: 11rem; } td.text ul { margin: .3rem 0; padding-left: 1.2rem; }
td.text a { display: inline; text-decoration: underline; } summary { cursor: pointer; }
.supported { color: #17693f; } .contradicted { color: #a4262c; } .undetermined { color: #7a5c00; }
.not-tested { color: #666; }
td.text details { margin: 0; }
@media (max-width: 40rem) {
  table:has(.text) thead { display: none; }
  table:has(.text) :is(tbody, tr, th, td) { display: block; max-width: none; border: 0; }
  table:has(.text) tr { padding: .5rem 0; border-bottom: 1px solid #ddd; }
  table:has(.text) :is(th, td) { padding: .1rem 0; position: static; }
}
@media print { body { margin: 0; } }
""".strip()


def page(title: str, *parts: str) -> str:
    """A self-contained HTML page."""
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n"
        f"<h1>{html.escape(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


def html_section(section: Section) -> str:
    """A section of a page: heading, note and shaded tables."""
    parts = [f"<h2>{html.escape(section.title)}</h2>", f"<p>{html.escape(section.note)}</p>"]
    return "\n".join([*parts, *map(html_grid, section.grids)])


def html_grid(grid: Grid, link: Callable[[str, str], str | None] | None = None) -> str:
    """A grid with its title, as a shaded table.

    Args:
        link: where a cell leads, given its task and model; None for nowhere.
    """
    rows = [
        (
            labels.model(model),
            [
                _html_cell(cell, link and link(task, model))
                for task, cell in zip(grid.tasks, grid.row(model, grid.tasks), strict=True)
            ],
        )
        for model in grid.models
    ]
    title = f"<h3>{html.escape(grid.title)}</h3>\n" if grid.title else ""
    return title + html_table(["Model", *map(labels.task, grid.tasks)], rows)


def html_table(header: Sequence[str], rows: Iterable[tuple[str, Iterable[str]]]) -> str:
    """A table that scrolls sideways under its first column; `rows` are (name, <td> elements)."""
    head = "".join(f"<th>{html.escape(text)}</th>" for text in header)
    body = [f"<tr><th>{html.escape(name)}</th>{''.join(cells)}</tr>" for name, cells in rows]
    return (
        f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n'
        + "\n".join(body)
        + "\n</tbody></table></div>"
    )


def _html_cell(cell: Cell, link: str | None = None) -> str:
    text = html.escape(cell.text)
    text = f"<strong>{text}</strong>" if cell.strong else text
    text = f'<a href="{html.escape(link)}">{text}</a>' if link else text
    if cell.share is None:
        return f'<td class="plain">{text}</td>'
    # From white to dark blue; the letters take the colour that contrasts more.
    red, green, blue = (round(255 + (dark - 255) * cell.share) for dark in (16, 62, 120))
    colour = "#fff" if cell.share > 0.7 else "#1b1b1b"
    return f'<td style="background:rgb({red},{green},{blue});color:{colour}">{text}</td>'
