"""What came out: accuracy, seeds that solve a bin, generalisation length, cost of training."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from fwp.report import labels
from fwp.report.tables import grid
from fwp.report.tables.grid import Cell, Grid, Section
from fwp.results import pairwise, statistics, survival
from fwp.results.frames import present
from fwp.results.unfinished import by_cell, extended
from fwp.utils.files import write_frame, write_text

INTRODUCTION = (
    "Sequence accuracy is the share of test strings with every position right, in per cent; test "
    "strings are neither training nor validation strings, except in languages with too few strings "
    "(see the datasets table). Every cell is over {seeds}; † marks that a seed diverged: it counts "
    "with the weights it had before, or as 0 if it has none."
)
MISSING = (
    "Some runs have no results: cells without any are marked as missing or, if their jobs failed, "
    "as failed; ‡ marks that some seeds of a cell have none. missing.csv lists them."
)
ACCURACY_NOTE = (
    "Mean over seeds, in brackets the best seed where they differ; bold: every seed is at 100 %."
)


def write_summary(
    accuracy: pd.DataFrame,
    runs: pd.DataFrame,
    *,
    missing: Sequence[dict] = (),
    csv: str | Path | None = None,
    markdown: str | Path | None = None,
    latex: str | Path | None = None,
    html: str | Path | None = None,
) -> None:
    """Write the summary in the formats for which a path is given.

    The CSV holds `fwp.results.statistics.summarise`, a row per task × model × bin; the others hold
    tables to read.

    Args:
        missing: runs without results (`fwp.results.unfinished`).
    """
    summary = statistics.summarise(accuracy)
    parts = sections(accuracy, runs, summary, missing=missing)
    introduction = INTRODUCTION.format(seeds=_seeds(summary))
    if missing:
        introduction += f" {MISSING}"
    if csv:
        write_frame(csv, summary)
    if markdown:
        text = [f"# Results\n\n{introduction}\n", *map(grid.markdown, parts)]
        write_text(markdown, "\n".join(text))
    if latex:
        write_text(latex, _latex(parts, _seeds(summary)))
    if html:
        text = [f"<p>{introduction}</p>", *map(grid.html_section, parts)]
        write_text(html, grid.page("Results", *text))


def write_comparison(accuracy: pd.DataFrame, csv: str | Path) -> None:
    """Write `fwp.results.pairwise.compare`: every pair of models on every bin of every task."""
    write_frame(csv, pairwise.compare(accuracy))


def write_compute(history: pd.DataFrame, runs: pd.DataFrame, csv: str | Path) -> None:
    """Write `fwp.results.survival.medians`: what half of the seeds of a model need to be right."""
    write_frame(csv, survival.medians(survival.cost_per_run(history, runs)))


def sections(
    accuracy: pd.DataFrame,
    runs: pd.DataFrame,
    summary: pd.DataFrame | None = None,
    *,
    missing: Sequence[dict] = (),
) -> list[Section]:
    """The tables to read, the most important first.

    Labels: accuracy, solved and median (the first two bins), generalisation, accuracy-longer (the
    other bins), training.
    """
    summary = statistics.summarise(accuracy) if summary is None else summary
    groups = statistics.bins(accuracy)
    titles = [_bin_title(i, group) for i, group in enumerate(groups)]
    by_bin = [summary[summary["bin_index"] == i] for i in range(len(groups))]
    pairs = pairwise.compare(accuracy)
    marks = _letters(summary, pairs)

    def with_letters(row) -> Cell:
        cell = _solved(row)
        letters = marks.get((row.task, row.bin, row.model), "")
        return replace(cell, text=f"{cell.text} {letters}".rstrip())

    accuracies, solved, medians = (
        [_grid(title, rows, cell) for title, rows in zip(titles, by_bin, strict=True)]
        for cell in (_accuracy, with_letters, _median)
    )
    parts = [
        Section("accuracy", "Sequence accuracy", ACCURACY_NOTE, accuracies[:2]),
        Section(
            "solved",
            "Seeds at 100 %",
            "Seeds that have every test string of the bin right, of all seeds; in brackets "
            "Wilson's 95 % interval for the rate of success, in per cent. On each task, models "
            "without a letter in common differ in how often they solve it: Fisher's exact test at "
            f"5 %, with Holm's correction for the number of pairs.{_few(pairs)}",
            solved[:2],
        ),
        Section(
            "median",
            "Median accuracy",
            "Median over seeds, in brackets its bootstrapped 95 % interval. Of fewer than "
            f"{statistics.fewest_for_median()} seeds, which are too few for an interval, worst and "
            "best stand after a semicolon where they differ.",
            medians[:2],
        ),
    ]
    if summary["tested_length"].notna().any():
        rows = summary.drop_duplicates(["task", "model"])
        parts.append(
            Section(
                "generalisation",
                "Generalisation length",
                "The longest length up to which every tested length is at least 99 % right: median "
                "over seeds, in brackets worst and best seed where they differ; ≥: nothing longer "
                "was tested.",
                [_grid("", rows, _generalisation)],
            )
        )
    if accuracies[2:]:
        title = "Sequence accuracy on longer strings"
        parts.append(Section("accuracy-longer", title, ACCURACY_NOTE, accuracies[2:]))
    cost = runs.groupby(statistics.CELL, observed=True).agg(
        seeds=("seed", "size"),
        solved=("status", lambda status: int((status == "solved").sum())),
        epochs=("epochs", "median"),
        seconds=("seconds", "median"),
    )
    parts.append(
        Section(
            "training",
            "Training",
            "Seeds that reached 100 % on the validation strings, of all seeds; then the median "
            "number of epochs and the median time of a seed in seconds, on whatever machine it "
            "ran.",
            [_grid("", cost.reset_index(), _training)],
        )
    )
    return [_with_missing(part, missing) for part in parts] if missing else parts


def _bin_title(index: int, windows: dict[str, str]) -> str:
    """Heading of a bin: its lengths; where tasks have windows of their own, a list of them."""
    if len(set(windows.values())) == 1:
        return f"Strings of {labels.lengths(next(iter(windows.values())))} symbols"
    listed = ", ".join(f"{labels.task(t)} {labels.lengths(bin)}" for t, bin in windows.items())
    return f"Bin {index} (lengths: {listed})"


def _grid(title: str, rows: pd.DataFrame, cell) -> Grid:
    cells = {(row.model, row.task): cell(row) for row in rows.itertuples()}
    return Grid(title, present(rows["model"]), present(rows["task"]), cells)


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
        models = extended(one.models, missing, "model")
        tasks = extended(one.tasks, missing, "task")
        return replace(one, models=models, tasks=tasks, cells=one.cells | cells)

    return replace(part, grids=[marked(one) for one in part.grids])


def _accuracy(row) -> Cell:
    mean, best = labels.percent(row.mean), labels.percent(row.best)
    text = mean if mean == best else f"{mean} ({best})"
    return Cell(text + "†" * bool(row.diverged), row.solved == row.seeds, row.mean)


def _solved(row) -> Cell:
    low, high = round(100 * row.wilson_low), round(100 * row.wilson_high)
    text = f"{row.solved}/{row.seeds} ({low}–{high})"
    return Cell(text + "†" * bool(row.diverged), row.solved == row.seeds, row.success_rate)


def _median(row) -> Cell:
    median, worst, best, low, high = map(
        labels.percent, (row.median, row.worst, row.best, row.median_low, row.median_high)
    )
    if pd.isna(row.median_low):
        spread = f"; {worst}–{best}" if worst != best else ""
    else:
        spread = f" ({low}–{high})"
    return Cell(median + spread, row.solved == row.seeds, row.median)


def _letters(summary: pd.DataFrame, pairs: pd.DataFrame) -> dict[tuple[str, str, str], str]:
    """(task, bin, model) → letters; none where too few seeds leave a pair undecided."""
    marks = {}
    for (task, bin), of_bin in pairs.groupby(["task", "bin"], observed=True):
        if (of_bin["verdict"] == "too few seeds").any():
            continue
        apart = of_bin[of_bin["verdict"].isin(["first", "second"])]
        rows = summary[(summary["task"] == task) & (summary["bin"] == bin)]
        order = rows.sort_values("success_rate", ascending=False, kind="stable")["model"]
        letters = pairwise.letters(order, zip(apart["first"], apart["second"], strict=True))
        marks |= {(task, bin, model): text for model, text in letters.items()}
    return marks


def _few(pairs: pd.DataFrame) -> str:
    """What the note on comparisons adds where there were too few seeds for any."""
    few = pairs[pairs["verdict"] == "too few seeds"]
    if few.empty:
        return ""
    most = int(few.groupby(["task", "bin"], observed=True).size().max())
    return (
        " No letters stand where there are too few seeds: not even all against none would tell two "
        f"models apart. With {most} pair{'s' * (most > 1)} of models it takes "
        f"{pairwise.fewest(most)} seeds of each."
    )


def _generalisation(row) -> Cell:
    if pd.isna(row.tested_length):
        return Cell("–")

    def text(length: float) -> str:
        return "≥" * bool(length >= row.tested_length) + f"{length:.0f}"

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


def _latex(parts: list[Section], seeds: str) -> str:
    accuracy = (
        rf"by length, over {seeds}: mean, in brackets the best seed where they differ. "
        r"Bold: every seed at 100\,\%. $\dagger$: a seed diverged."
    )
    captions = {
        "accuracy": rf"Sequence accuracy (\%) on test strings {accuracy}",
        "solved": (
            r"Seeds that have every test string right, of all seeds; in brackets Wilson's 95\,\% "
            r"interval for the rate of success (\%). On each task, models without a letter in "
            r"common differ significantly (Fisher's exact test at 5\,\%, Holm's correction)."
        ),
        "generalisation": (
            r"Generalisation length, the longest length up to which every tested length is at "
            rf"least 99\,\% right, over {seeds}: median, in brackets worst and best seed where "
            r"they differ. "
            r"$\geq$: nothing longer was tested."
        ),
        "accuracy-longer": rf"Sequence accuracy (\%) on longer test strings {accuracy}",
    }
    head = "% Written by fwp; \\input this file. Needs \\usepackage{booktabs}.\n"
    floats = [
        text
        for part in parts
        if part.label in captions
        for text in grid.latex(part, captions[part.label])
    ]
    # LaTeX gives up when more than 18 floats wait for a page.
    for i in range(10, len(floats), 10):
        floats[i] = "\\clearpage\n" + floats[i]
    return "\n".join([head, *floats])


def _seeds(summary: pd.DataFrame) -> str:
    low, high = summary["seeds"].min(), summary["seeds"].max()
    number = f"{low}" if low == high else f"{low} to {high}"
    return f"{number} seed{'s' if high > 1 else ''}"
