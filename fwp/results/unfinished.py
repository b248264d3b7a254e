"""Runs without results: cells that failed, were interrupted or are still to come.

Tables, figures and report wait for all cells, except for a partial report (`partial` in the
config), which is about the finished cells and names the others. A run of Snakemake in which jobs
failed for good ends in such a report, too.
"""

import csv
import os
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from fwp.results.integrity import check_sum
from fwp.results.job_state import read_job
from fwp.results.record import STATUSES, TRAINED
from fwp.utils.files import write_rows

CELL_FILES = (*TRAINED, "cell.json", "accuracy.csv", "evaluation.json")
"""What a finished cell has; tables are made of some of them."""

SEARCH_FILES = ("chosen.json", "trials.csv")
"""What a finished search has."""

COLUMNS = ("task", "model", "seed", "state", "error", "log")
"""Of the table: one row per run; `state` is that of a `job_state.RunState`, `log` may be empty."""


def split_finished(experiment) -> tuple[list, list[dict]]:
    """The jobs of an experiment that are finished, and the rows of the table for all others.

    Weights are not asked for: large grids may be brought from other machines without them.
    """
    finished, rows, now = [], [], time.time()
    for planned in experiment.jobs():
        current = partial(experiment.is_current, planned.model, planned.task)
        job = read_job(planned, current, now, weights=False)
        if all(run.state in STATUSES for run in job.runs.values()):
            finished.append(planned)
            continue
        names = {"task": job.task, "model": job.model}
        facts = {
            "error": job.damage or job.error or "",
            "log": str(job.log) if job.log.is_file() else "",
        }
        rows += [
            names | {"seed": seed, "state": run.state} | facts for seed, run in job.runs.items()
        ]
    return finished, rows


def deleted(experiment) -> list[str]:
    """Files of cells and searches that were deleted after tables had been made of them."""
    tables = [Path(experiment.results, "tables", name) for name in ("accuracy.csv", "text.csv")]
    if experiment.partial or not any(table.exists() for table in tables):
        return []
    files = [f"{job.directory}/{name}" for job in experiment.jobs() for name in CELL_FILES]
    for task, model in experiment.searches():
        folder = experiment.search_dir(task, model)
        files += [f"{folder}/{name}" for name in SEARCH_FILES]
    return [file for file in files if not os.path.exists(file)]  # noqa: PTH110 - faster


def write_unfinished(rows: Iterable[dict], path: str | Path) -> None:
    """Write the table."""
    write_rows(path, COLUMNS, rows)


def read_unfinished(path: str | Path) -> list[dict]:
    """Read the table.

    Raises:
        ResultsError: it is missing or not what was written.
    """
    check_sum(path)
    with Path(path).open(newline="", encoding="utf-8") as file:
        return [row | {"seed": int(row["seed"])} for row in csv.DictReader(file)]


def read_every_unfinished(folder: str | Path, *, strings: bool, texts: bool) -> list[dict]:
    """The rows of all tables in `folder`.

    Args:
        strings, texts: whether there are runs of these, each of which has a table.

    Raises:
        ResultsError: a table is missing or not what was written.
    """
    names = ["missing.csv"] * strings + ["text_missing.csv"] * texts
    return [row for name in names for row in read_unfinished(Path(folder) / name)]


def by_cell(rows: Iterable[dict]) -> dict[tuple[str, str], str]:
    """(model, task) → "failed", or "missing" if no job of the cell has failed."""
    cells: dict[tuple[str, str], str] = {}
    for row in rows:
        key = row["model"], row["task"]
        if cells.get(key) != "failed":
            cells[key] = "failed" if row["state"] == "failed" else "missing"
    return cells


def extended(names: Sequence[str], rows: Iterable[dict], column: str) -> list[str]:
    """Models or tasks that have results, and then those that have none."""
    return list(dict.fromkeys([*names, *(row[column] for row in rows)]))
