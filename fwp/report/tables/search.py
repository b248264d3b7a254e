"""What was tried and what was chosen, in tables to read: Markdown, LaTeX, HTML and CSV."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from fwp.report import labels, search_words
from fwp.report.html import render
from fwp.report.labels import percent
from fwp.report.search_words import CHOSEN
from fwp.report.tables.grid import Cell
from fwp.report.tables.latex import latex_stack
from fwp.report.tables.markdown import escape_markdown, markdown_table
from fwp.results.frames import present
from fwp.results.trial_statistics import REACHED, reached_column, summarise_search
from fwp.results.trials import bins_of, settings_of
from fwp.utils.bins import probability_column
from fwp.utils.files import write_frame, write_text

NOTE = (
    "Validation: accuracy of the chosen trial, the mean over its seeds and the validation bins. "
    "Median trial: the same for the median of all trials. "
    f"Trials ≥ {100 * REACHED:.0f} %: how many reach this accuracy on each validation bin, the "
    "shortest first. Test: median over the experiment's own seeds, which the search did not use. "
    f"A trial that diverged counts as 0. {labels.ROUNDED}"
)
OF_TEXTS = (
    " Of texts and translations, the accuracy is the geometric mean of the probability that the "
    "model gives to the right token."
)
OF_TEXT = probability_column("")  # the columns of their trials begin with this
FLARE = (
    "Inductive bias and expressivity are the two columns of Butoi et al. (2025): the mean of all "
    "trials if short validation strings choose the epoch, and the best of all trials if long ones "
    "do. Here both are measured on the longest validation bin."
)
HEAD = ("Model", "Chosen settings", "Trials", "Validation", "Median trial")
TAIL = ("Seeds", "Inductive bias", "Expressivity")
ENDED = {"diverged": "div.", "pruned": "pruned"}
ROWS = 30  # lines in a table of LaTeX
SETTINGS_COLUMN = r">{\raggedright\arraybackslash}p{0.28\textwidth}"
LATEX_HEAD = "% Written by fwp; \\input this file. Needs \\usepackage{array,booktabs}.\n"


def write_search(
    trials: pd.DataFrame,
    accuracy: pd.DataFrame | None = None,
    search: Mapping | None = None,
    *,
    csv: str | Path | None = None,
    markdown: str | Path | None = None,
    latex: str | Path | None = None,
    html: str | Path | None = None,
) -> None:
    """Write the table of searches in the formats for which a path is given.

    Args:
        trials: the tidy table (`fwp.results.trials`).
        accuracy: that of the experiment's own seeds (`fwp.results.collect`).
        search: the section `search` of the config, with plain values.
    """
    found = search_tables(trials, accuracy, search)
    if csv:
        write_frame(csv, found["summary"])
    if markdown:
        write_text(markdown, _markdown(found))
    if latex:
        write_text(latex, _latex(found))
    if html:
        write_text(html, render("search.html.j2", search=found))


def search_tables(
    trials: pd.DataFrame, accuracy: pd.DataFrame | None = None, search: Mapping | None = None
) -> dict[str, Any]:
    """What the template's macro `search` shows.

    Returns:
        chosen, method, space, note, flare: what was searched, and how to read the tables;
        summary: `summarise_search`; tables: per task its name, title, columns and rows, one per
        model, of a name and `Cell`s.
    """
    summary = summarise_search(trials, accuracy)
    return {
        "chosen": CHOSEN,
        "method": search_words.method(search or {}, summary),
        "space": search_words.space(search or {}),
        "note": NOTE + OF_TEXTS * any(str(name).startswith(OF_TEXT) for name in trials),
        "flare": FLARE,
        "summary": summary,
        "tables": [
            _of_task(task, trials[trials["task"] == task], summary[summary["task"] == task])
            for task in labels.in_order("task", present(summary["task"]))
        ],
    }


def _of_task(task: str, trials: pd.DataFrame, summary: pd.DataFrame) -> dict[str, Any]:
    columns = [reached_column(name) for name in bins_of(trials)]
    rows = dict(zip(summary["model"], _records(summary), strict=True))
    tests = [_test_title(summary, name) for name in ("first", "second")]
    return {
        "task": task,
        "title": labels.task(task),
        "columns": [*HEAD, f"Trials ≥ {100 * REACHED:.0f} %", *tests, *TAIL],
        "rows": [
            (name, _cells(rows[name], settings_of(trials), columns))
            for name in labels.in_order("model", rows)
        ],
    }


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    rows: Any = frame.to_dict("records")
    return rows


def _test_title(summary: pd.DataFrame, name: str) -> str:
    """Heading of a test bin: its lengths."""
    bins = summary[f"{name}_bin"].dropna().unique()
    return f"Test {labels.lengths(bins[0])}" if len(bins) == 1 else f"Test, {name} bin"


def _cells(row: dict[str, Any], settings: list[str], reached: list[str]) -> list[Cell]:
    ended = [f"{row[key]} {word}" for key, word in ENDED.items() if row[key]]
    trials = f"{row['trials']}" + (f" ({', '.join(ended)})" if ended else "")
    return [
        Cell(search_words.settings(row, settings)),
        Cell(trials),
        *(_share(row[key]) for key in ("validation", "validation_median")),
        Cell(", ".join(str(row[key]) for key in reached)),
        *(_share(row[f"{name}_median"]) for name in ("first", "second")),
        Cell("–" if pd.isna(row["seeds"]) else f"{row['seeds']}"),
        *(_share(row[key]) for key in ("inductive_bias", "expressivity")),
    ]


def _share(share: float) -> Cell:
    return Cell(percent(share), share=None if pd.isna(share) else share)


def _markdown(found: dict[str, Any]) -> str:
    parts = ["# Search", f"{found['chosen']} {found['method']}"]
    if found["space"]:
        parts.append("\n".join(f"- {escape_markdown(line)}" for line in found["space"]))
    parts += [found["note"], found["flare"]]
    for one in found["tables"]:
        rows = [[labels.model(m), *(cell.text for cell in cells)] for m, cells in one["rows"]]
        parts.append(f"## {escape_markdown(one['title'])}")
        parts.append(markdown_table(one["columns"], rows, left=2))
    return "\n\n".join(parts) + "\n"


def _latex(found: dict[str, Any]) -> str:
    """Floats that hold as many tasks as fit on a page."""
    floats, lines = [[]], 0
    for one in found["tables"]:
        if lines and lines + len(one["rows"]) + 1 > ROWS:
            floats.append([])
            lines = 0
        floats[-1].append(one)
        lines += len(one["rows"]) + 1
    texts = [_latex_float(tables, found, i, len(floats)) for i, tables in enumerate(floats, 1)]
    return "\n".join([LATEX_HEAD, *texts])


def _latex_float(tables: list[dict], found: dict[str, Any], number: int, count: int) -> str:
    """Short headings, which the caption explains, so that a table is not wider than a page."""
    bins = [{one["columns"][place].removeprefix("Test ") for one in tables} for place in (6, 7)]
    tests = [own.pop() if len(own) == 1 else f"bin {i}" for i, own in enumerate(bins)]
    head = ("Model", "Settings", "Trials", "Val.", "Med.", f"≥ {100 * REACHED:.0f} %", *tests)
    head = [*map(labels.escape_latex, (*head, "Seeds", "Bias", "Expr."))]
    stack = []
    for one in tables:
        rows = []
        for model, cells in one["rows"]:
            texts = [cell.text for cell in cells]
            texts[1] = re.sub(r"(,? \d+ pruned)|( \(\d+ pruned\))", "", texts[1])
            texts[1] = texts[1].replace(" div.", "†")
            rows.append([labels.model_latex(model), *map(labels.escape_latex, texts)])
        stack.append((labels.task_latex(one["task"]), rows))
    caption = _latex_caption(found, tests, number, count)
    label = f"search{f'-{number}' if number > 1 else ''}"
    return latex_stack(head, stack, caption, label, f"l{SETTINGS_COLUMN}{'c' * (len(head) - 2)}")


def _latex_caption(found: dict[str, Any], tests: list[str], number: int, count: int) -> str:
    if number > 1:
        return f"What the search has chosen, continued ({number} of {count})."
    heads = (
        f"Val. and Med.: the chosen and the median trial. {' and '.join(tests)}: test strings. "
        "Bias and Expr.: inductive bias and expressivity. †: trials that diverged."
    )
    texts = (found["chosen"], found["method"], heads, found["note"], found["flare"])
    return labels.escape_latex(" ".join(texts)) + (f" (1 of {count})" if count > 1 else "")
