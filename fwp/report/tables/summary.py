"""What came out, in tables to read: Markdown, LaTeX and HTML."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from fwp.report import labels
from fwp.report.html import render
from fwp.report.labels import plural
from fwp.report.tables.grid import Section
from fwp.report.tables.latex import latex_floats
from fwp.report.tables.markdown import markdown_section
from fwp.report.tables.sections import sections
from fwp.results.summary import Summary
from fwp.utils.files import write_text

INTRODUCTION = (
    "Sequence accuracy is the share of test strings with every position right, in per cent; test "
    "strings are neither training nor validation strings, except in languages with too few strings "
    "and where files share them (see the datasets table). Every cell is over {seeds}."
)
MISSING = (
    "Some runs have no results. A cell without results is marked as missing, or as failed if its "
    "jobs failed. missing.csv lists them."
)
LATEX_HEAD = "% Written by fwp; \\input this file. Needs \\usepackage{booktabs}.\n"
LATEX_ACCURACY = (
    r"by length, mean over {seeds}, with the best seed in brackets where they differ. "
    + labels.ROUNDED
)
CAPTIONS = {
    "accuracy": rf"Sequence accuracy (\%) on test strings {LATEX_ACCURACY}",
    "solved": (
        r"Number of seeds with every test string right, of all seeds, with Wilson's 95\,\% "
        r"interval for the success rate (\%) in brackets. On each task, models without a common "
        r"letter differ significantly (Fisher's exact test at 5\,\%, Holm's correction)."
    ),
    "generalisation": (
        r"Generalisation length, the longest length up to which every tested length is at "
        r"least 99\,\% right. Median over {seeds}, with worst and best seed in brackets where "
        r"they differ."
    ),
    "accuracy-longer": rf"Sequence accuracy (\%) on longer test strings {LATEX_ACCURACY}",
}


def write_summary(
    summary: Summary,
    runs: pd.DataFrame,
    *,
    missing: Sequence[dict] = (),
    markdown: str | Path | None = None,
    latex: str | Path | None = None,
    html: str | Path | None = None,
) -> None:
    """Write the summary in the formats for which a path is given.

    Args:
        runs: the tidy table of runs (`fwp.results.collect`).
        missing: runs without results (`fwp.results.unfinished`).
    """
    parts, seeds = sections(summary, runs, missing=missing), _seeds(summary)
    introduction = INTRODUCTION.format(seeds=seeds)
    if missing:
        introduction += f" {MISSING}"
    if markdown:
        text = [f"# Results\n\n{introduction}\n", *map(markdown_section, parts)]
        write_text(markdown, "\n".join(text))
    if latex:
        write_text(latex, _latex(parts, seeds))
    if html:
        write_text(html, render("summary.html.j2", introduction=introduction, sections=parts))


def _latex(parts: list[Section], seeds: str) -> str:
    floats = [
        text
        for part in parts
        if part.label in CAPTIONS
        for text in latex_floats(part, CAPTIONS[part.label].replace("{seeds}", seeds))
    ]
    # LaTeX gives up when more than 18 floats wait for a page.
    for i in range(10, len(floats), 10):
        floats[i] = "\\clearpage\n" + floats[i]
    return "\n".join([LATEX_HEAD, *floats])


def _seeds(summary: Summary) -> str:
    low, high = summary.cells["seeds"].min(), summary.cells["seeds"].max()
    number = f"{low}" if low == high else f"{low} to {high}"
    return f"{number} seed{plural(int(high))}"
