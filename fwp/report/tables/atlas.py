"""The table of three answers, to read: what is expressible, learnt, and generalises."""

from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from fwp.report import labels
from fwp.report.labels import plural
from fwp.report.tables.grid import Cell, Grid, Section
from fwp.report.tables.markdown import escape_markdown, markdown_section, markdown_table
from fwp.results.atlas import CONSTRUCTED, EXPRESSIBLE, IMPOSSIBLE, LEARNT, OPEN, POSSIBLE
from fwp.utils.files import write_text

MARKS = {CONSTRUCTED: "●", POSSIBLE: "○", IMPOSSIBLE: "×", OPEN: "?"}
NOTE = (
    "A cell has three answers. Expressible: "
    + "; ".join(f"{mark} {EXPRESSIBLE[answer]}" for answer, mark in MARKS.items())
    + ". Learnable: seeds that get at least {learnt:.0f} % of the test strings of training lengths "
    "right, of all seeds. Generalises: the generalisation length, median over seeds, and in "
    "brackets the seeds that are perfect: every test string of every length is right. ≥: no longer "
    "strings were tested. Bold: every seed is perfect. Missing and failed cells were not run, or "
    "have no results; ‡ marks a cell that lacks seeds."
).format(learnt=100 * LEARNT)
CONTRADICTION = (
    "! marks seeds that are perfect where a theorem says impossible. The theorem is about strings "
    "of any length, and these seeds solve those that were tested, at finite precision."
)


def write_atlas(table: pd.DataFrame, markdown: str | Path) -> None:
    """Write the table of `fwp.results.atlas.answers` as Markdown."""
    parts = ["# What is expressible, learnt, and generalises", NOTE]
    if table["contradiction"].any():
        parts.append(CONTRADICTION)
    parts.append(markdown_table(["Answer", "Cells"], counts(table)))
    for group, rows in table.groupby("group", sort=False):
        title = str(group) or "Languages"
        parts.append(markdown_section(Section("atlas", title, "", [_grid(rows)])).rstrip())
    if listed := sources(table):
        lines = [f"- {escape_markdown(line)}" for line in listed]
        parts += ["## Sources", "\n".join(lines)]
    write_text(markdown, "\n\n".join(parts).rstrip() + "\n")


def counts(table: pd.DataFrame) -> list[list[str]]:
    """Rows of a small table: how many cells have which answers."""
    run = table[table["seeds"].notna()]
    known = Counter(table["expressible"])
    rows = [[f"expressible: {answer}", str(known[answer])] for answer in EXPRESSIBLE]
    rows += [
        ["learnt by every seed", str(int((run["learnt"] == run["seeds"]).sum()))],
        ["learnt by some seeds", str(int(run["learnt"].between(1, run["seeds"] - 1).sum()))],
        ["learnt by no seed", str(int((run["learnt"] == 0).sum()))],
        ["perfect with every seed", str(int((run["perfect"] == run["seeds"]).sum()))],
        ["perfect with a seed, against a theorem", str(int(table["contradiction"].sum()))],
        ["without results", str(len(table) - len(run))],
    ]
    return rows


def contradictions(table: pd.DataFrame) -> list[str]:
    """Each cell with a seed that is perfect where a theorem says impossible, in words."""
    rows: Any = table[table["contradiction"]].itertuples()
    return [
        f"{labels.model(row.model)} on {labels.task(row.task)}: {row.perfect} of {row.seeds} "
        f"seed{plural(row.seeds)} perfect to {row.tested_length} symbols. {_source(row)}"
        for row in rows
    ]


def sources(table: pd.DataFrame) -> list[str]:
    """Where answers on what is expressible are from, each once."""
    rows: Any = table[table["source"] != ""].itertuples()
    return sorted({_source(row) for row in rows})


def text(row: Any) -> str:
    """The three answers of a cell: "● 10/10, ≥1000 (9)"."""
    mark = MARKS[row.expressible]
    if row.state in ("missing", "failed"):
        return f"{mark} {row.state}"
    length = ""
    if pd.notna(row.generalisation_median):
        more = "≥" if row.generalisation_median >= row.tested_length else ""
        length = f" {more}{row.generalisation_median:.0f}"
    lacking, against = "‡" * (row.state == "partial"), "!" * row.contradiction
    return f"{mark} {row.learnt}/{row.seeds},{length} ({row.perfect}){against}{lacking}"


def _source(row: Any) -> str:
    return f"{row.source}; unless {row.unless}" if row.unless else row.source


def _grid(rows: pd.DataFrame) -> Grid:
    every: Any = rows.itertuples()
    cells = {
        (row.model, row.task): Cell(
            text(row), strong=bool(pd.notna(row.seeds) and row.perfect == row.seeds)
        )
        for row in every
    }
    models, tasks = (dict.fromkeys(rows[kind]) for kind in ("model", "task"))
    return Grid("", labels.in_order("model", models), labels.in_order("task", tasks), cells)
