"""Sections of the summary: accuracy, seeds that solve a bin, generalisation length, training."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from fwp.report import labels
from fwp.report.labels import in_order, percent, with_dagger
from fwp.report.tables.grid import Cell, Grid, Section
from fwp.report.tables.marks import FAR, explained
from fwp.results import pairwise, statistics
from fwp.results.frames import groups, present
from fwp.results.summary import Summary
from fwp.results.unfinished import by_cell, extended

ACCURACY_NOTE = (
    f"Mean over seeds, with the best seed in brackets where they differ. {labels.ROUNDED}"
)
SOLVED_NOTE = (
    "Number of seeds with every test string of the bin right, of all seeds, with Wilson's 95 % "
    "interval for the success rate in brackets, in per cent. On each task, models without a common "
    "letter differ in their success rates: Fisher's exact test at 5 %, with Holm's correction for "
    "the number of pairs."
)
MEDIAN_NOTE = (
    "Median over seeds, with its bootstrapped 95 % interval in brackets. With fewer than {fewest} "
    f"seeds, worst–best is given after a semicolon instead. {labels.ROUNDED}"
)
GENERALISATION_NOTE = (
    "The longest length up to which every tested length is at least 99 % right. Median over seeds, "
    "with worst and best seed in brackets where they differ."
)
GROUP_NOTE = (
    "Mean over the tasks of a group of their mean over seeds, with the lowest and the highest task "
    "in brackets where they differ. ‡ marks a group of which a run has no results. "
    f"{labels.ROUNDED}"
)
TRAINING_NOTE = (
    "Number of seeds that solved validation, of all seeds. Then the median number of epochs, and "
    "the median time of a seed in seconds, on the machine that trained it."
)


def sections(
    summary: Summary, runs: pd.DataFrame, *, missing: Sequence[dict] = ()
) -> list[Section]:
    """The tables to read, the most important first.

    Labels: accuracy, solved and median (the first two bins), generalisation, accuracy-longer (the
    other bins), training, groups (if tasks have one).

    Args:
        runs: the tidy table of runs (`fwp.results.collect`).
        missing: runs without results (`fwp.results.unfinished`).
    """
    cells, marks = summary.cells, _letters(summary)

    def by_bin(cell: Callable[..., Cell], bins: slice) -> list[Grid]:
        return [
            _grid(_bin_title(i, windows), cells[cells["bin_index"] == i], cell)
            for i, windows in list(enumerate(summary.bins))[bins]
        ]

    def solved(row) -> Cell:
        cell = _solved(row)
        letters = marks.get((row.task, row.bin, row.model), "")
        return replace(cell, text=f"{cell.text} {letters}".rstrip())

    first, longer = slice(2), slice(2, None)
    median_note = MEDIAN_NOTE.format(fewest=statistics.fewest_for_median())
    solved_note = SOLVED_NOTE + _few(summary.pairs)
    parts = [
        Section("accuracy", "Sequence accuracy", ACCURACY_NOTE, by_bin(_accuracy, first)),
        Section("solved", "Seeds at 100 %", solved_note, by_bin(solved, first)),
        Section("median", "Median accuracy", median_note, by_bin(_median, first)),
    ]
    if cells["tested_length"].notna().any():
        grid = _grid("", cells.drop_duplicates(["task", "model"]), _generalisation)
        title = "Generalisation length"
        bold = "every seed reaches the longest"
        parts.append(Section("generalisation", title, GENERALISATION_NOTE, [grid], bold))
    if grids := by_bin(_accuracy, longer):
        title = "Sequence accuracy on longer strings"
        parts.append(Section("accuracy-longer", title, ACCURACY_NOTE, grids))
    cost = runs.groupby(statistics.CELL, observed=True).agg(
        seeds=("seed", "size"),
        solved=("status", lambda status: int((status == "solved").sum())),
        epochs=("epochs", "median"),
        seconds=("seconds", "median"),
    )
    grid = _grid("", cost.reset_index(), _training)
    parts.append(Section("training", "Training cost", TRAINING_NOTE, [grid]))
    parts = [_with_missing(part, missing) for part in parts] if missing else parts
    if grids := _groups(cells, summary.bins, missing):
        parts.append(Section("groups", "Accuracy by group of tasks", GROUP_NOTE, grids))
    return [replace(part, note=part.note + explained(part.grids, bold=part.bold)) for part in parts]


def _bin_title(index: int, windows: dict[str, str]) -> str:
    """Heading of a bin: its lengths; where tasks have windows of their own, a list of them."""
    if len(set(windows.values())) == 1:
        window, _, name = labels.lengths(next(iter(windows.values()))).partition(" ")
        return f"Strings of {window} symbols{', ' * bool(name)}{name}"
    listed = ", ".join(f"{labels.task(t)} {labels.lengths(bin)}" for t, bin in windows.items())
    return f"Bin {index} (lengths: {listed})"


def _grid(title: str, rows: pd.DataFrame, cell: Callable[..., Cell]) -> Grid:
    every: Any = rows.itertuples()
    cells = {(row.model, row.task): cell(row) for row in every}
    models, tasks = present(rows["model"]), present(rows["task"])
    return Grid(title, in_order("model", models), in_order("task", tasks), cells)


def _groups(
    cells: pd.DataFrame, bins: Sequence[dict[str, str]], missing: Sequence[dict]
) -> list[Grid]:
    """Mean accuracies of groups of tasks, for each bin; none if no task has a group."""
    own = {task: group for task in present(cells["task"]) if (group := labels.group(task))}
    order = list(dict.fromkeys(own[task] for task in labels.in_order("task", own)))
    lacking = {(model, own.get(task)) for model, task in by_cell(missing)}
    grids = []
    for i, windows in enumerate(bins):
        rows = cells[(cells["bin_index"] == i) & cells["task"].isin(list(own))]
        if rows.empty:
            continue
        rows = rows.assign(group=rows["task"].astype(str).map(own))
        found: dict[tuple[str, str], Cell] = {}
        for (model, group), means in rows.groupby(["model", "group"], observed=True)["mean"]:
            low, high = percent(means.min()), percent(means.max())
            spread = f" ({low}–{high})" if low != high else ""
            mark = "‡" * ((model, group) in lacking)
            share = float(means.mean())
            text = f"{percent(share)}{spread}{mark}"
            found[str(model), str(group)] = Cell(text, bool(means.min() == 1), share)
        models = in_order("model", present(rows["model"]))
        used = [group for group in order if group in set(rows["group"])]
        title = _bin_title(i, {t: bin for t, bin in windows.items() if t in own})
        grids.append(Grid(title, models, used, found))
    return grids


def _with_missing(part: Section, missing: Sequence[dict]) -> Section:
    """The section with a mark in every cell that lacks seeds."""
    states = by_cell(missing)

    def marked(one: Grid) -> Grid:
        cells = {
            key: replace(one.cells[key], text=one.cells[key].text + "‡")
            if key in one.cells
            else Cell(state)
            for key, state in states.items()
        }
        models = in_order("model", extended(one.models, missing, "model"))
        tasks = in_order("task", extended(one.tasks, missing, "task"))
        return replace(one, models=models, tasks=tasks, cells=one.cells | cells)

    return replace(part, grids=[marked(one) for one in part.grids])


def _accuracy(row) -> Cell:
    mean, best = percent(row.mean), percent(row.best)
    mark = FAR if row.best - row.worst > statistics.APART else " "
    text = mean if mean == best else f"{mean}{mark}({best})"
    return Cell(with_dagger(text, row.diverged), row.solved == row.seeds, row.mean)


def _solved(row) -> Cell:
    low, high = percent(row.wilson_low, 0), percent(row.wilson_high, 0)
    text = f"{row.solved}/{row.seeds} ({low}–{high})"
    return Cell(with_dagger(text, row.diverged), row.solved == row.seeds, row.success_rate)


def _median(row) -> Cell:
    worst, best = percent(row.worst), percent(row.best)
    if pd.notna(row.median_low):
        spread = f" ({percent(row.median_low)}–{percent(row.median_high)})"
    else:
        spread = f"; {worst}–{best}" if worst != best else ""
    return Cell(percent(row.median) + spread, row.solved == row.seeds, row.median)


def _generalisation(row) -> Cell:
    if pd.isna(row.tested_length):
        return Cell("–")

    def text(length: float) -> str:
        return f"≥{length:.0f}" if length >= row.tested_length else f"{length:.0f}"

    worst, best = text(row.generalisation_worst), text(row.generalisation_best)
    spread = "" if worst == best else f" ({worst}–{best})"
    return Cell(
        text(row.generalisation_median) + spread,
        row.generalisation_worst >= row.tested_length,
        row.generalisation_median / row.tested_length,
    )


def _training(row) -> Cell:
    seconds = f"{row.seconds:.0f}" if row.seconds >= 10 else f"{row.seconds:.1f}"
    return Cell(f"{row.solved}/{row.seeds}, {row.epochs:g} ep., {seconds} s")


def _letters(summary: Summary) -> dict[tuple[str, str, str], str]:
    """(task, bin, model) → letters; none where too few seeds leave a pair undecided."""
    marks = {}
    cells = dict(groups(summary.cells, ["task", "bin"]))
    for (task, bin), pairs in groups(summary.pairs, ["task", "bin"]):
        if (pairs["verdict"] == "too few seeds").any():
            continue
        apart = pairs[pairs["verdict"].isin(["first", "second"])]
        rows = cells[task, bin].sort_values("success_rate", ascending=False, kind="stable")
        letters = pairwise.letters(rows["model"], zip(apart["first"], apart["second"], strict=True))
        marks |= {(task, bin, model): text for model, text in letters.items()}
    return marks


def _few(pairs: pd.DataFrame) -> str:
    """What the note on comparisons adds where there were too few seeds for any."""
    few = pairs[pairs["verdict"] == "too few seeds"]
    if few.empty:
        return ""
    most = int(few.groupby(["task", "bin"], observed=True).size().max())
    return (
        " Letters are omitted where there are too few seeds: even all seeds against none would not "
        f"be significant. With {most} pair{labels.plural(most)} of models, this takes "
        f"{pairwise.fewest(most)} seeds of each."
    )
