"""What the explorer shows of tasks of strings: accuracies by bin and length, and training."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from fwp.report import labels
from fwp.report.explorer.curves import POINTS, Curves, curves
from fwp.report.explorer.kinds import Measure, kind, rounded
from fwp.report.labels import percent
from fwp.results import statistics
from fwp.results.frames import groups
from fwp.results.lengths import grouped
from fwp.results.statistics import CELL
from fwp.results.summary import Summary
from fwp.utils.bins import Bin

MEASURES = (
    Measure("mean", "Mean accuracy (%)"),
    Measure("median", "Median accuracy (%)"),
    Measure("best", "Accuracy of the best seed (%)"),
    Measure("worst", "Accuracy of the worst seed (%)"),
    Measure("solved", "Seeds at 100 % (%)"),
    Measure("position", "Accuracy of single positions (%)"),
    Measure("reach", "Generalisation length (symbols)", "symbols", parted=False),
    Measure("epochs", "Epochs of training, median", "epochs", parted=False, more=False),
    Measure("seconds", "Seconds of training, median", "seconds", parted=False, more=False),
)
COLUMNS = {name: name for name in ("mean", "median", "best", "worst")}
COLUMNS |= {"solved": "success_rate", "position": "position_mean"}
"""Measures of bins, and the columns of the summary that hold them."""

HOVER = {
    "mean": "Mean",
    "spread": "Median",
    "rate": "Seeds at 100 %",
    "seeds": "Each seed (%)",
}
NOTE = (
    "Training lengths are shaded. Neighbouring lengths share a point. A dot marks the epoch whose "
    f"weights were kept. Of more than {POINTS} epochs, only some are drawn."
)
SHOWN = 20  # seeds whose accuracies are listed


def of_strings(
    summary: Summary,
    accuracy: pd.DataFrame,
    history: pd.DataFrame,
    runs: pd.DataFrame,
    trained: Mapping[str, Bin],
) -> dict[str, Any]:
    """Everything, as `fwp.report.explorer.kinds` has it.

    Args:
        summary: of the results.
        accuracy, history, runs: the tidy tables (`fwp.results.collect`).
        trained: the shortest and the longest training string of each task.
    """
    by_seed = {
        (*keys, bin): list(zip(own["seed"], own["sequence_accuracy"], strict=True))
        for (*keys, bin), own in groups(statistics.by_bin(accuracy), [*CELL, "bin"])
    }
    cost = dict(groups(runs, CELL))
    drawn = _curves(accuracy, history, runs)
    count = len(summary.bins)
    cells = [
        _cell(task, model, own, count, by_seed, cost[task, model])
        | {"curves": {name: of.get((task, model), []) for name, of in drawn.items()}}
        for (task, model), own in groups(summary.cells, CELL)
    ]
    return kind(
        "strings",
        "Formal languages",
        measures=MEASURES if summary.cells["tested_length"].notna().any() else _without_reach(),
        parts={"title": "Test strings of", "labels": [_part(i, summary) for i in range(count)]},
        hover=HOVER,
        cells=cells,
        trained=trained,
        start=min(1, count - 1),
        key="The darkest shade means exactly 100 %.",
        note=NOTE,
    )


def _without_reach() -> tuple[Measure, ...]:
    return tuple(measure for measure in MEASURES if measure.name != "reach")


def _part(index: int, summary: Summary) -> str:
    """What the menu says of a bin; where tasks have windows of their own, it has a number."""
    windows = set(summary.bins[index].values())
    if len(windows) == 1:
        return f"{labels.lengths(windows.pop())} symbols"
    return f"bin {index} of each task"


def _cell(
    task: str, model: str, rows: pd.DataFrame, count: int, by_seed: dict, runs: pd.DataFrame
) -> dict[str, Any]:
    values: dict[str, list] = {name: [None] * count for name in COLUMNS}
    texts: dict[str, list] = {name: [""] * count for name in COLUMNS}
    hover: list[dict | None] = [None] * count
    every: Any = rows.itertuples()
    for row in every:
        for name, column in COLUMNS.items():
            value = float(getattr(row, column))
            values[name][row.bin_index] = rounded(value)
            texts[name][row.bin_index] = percent(value)
        hover[row.bin_index] = _hover(row, by_seed[task, model, row.bin])
    last = rows.iloc[-1]
    single = {"reach": last["generalisation_median"]}
    single |= {name: runs[name].median() for name in ("epochs", "seconds")}
    for name, value in single.items():
        values[name] = [rounded(value, 1)]
        texts[name] = ["–" if pd.isna(value) else _number(value)]
    shades: dict[str, list] = {name: values[name] for name in COLUMNS}
    if pd.notna(last["tested_length"]):
        shades["reach"] = [rounded(last["generalisation_median"] / last["tested_length"])]
        if last["generalisation_median"] >= last["tested_length"]:
            texts["reach"] = ["≥" + texts["reach"][0]]
    names = {"task": task, "model": model}
    return names | {"values": values, "texts": texts, "shades": shades, "hover": hover}


def _hover(row: Any, seeds: list[tuple[int, float]]) -> dict[str, str]:
    """What is said of a cell and a bin."""
    limits = (row.median_low, row.median_high)
    spread = "95 % interval"
    if pd.isna(row.median_low):
        limits, spread = (row.worst, row.best), "worst–best"
    low, high = percent(row.wilson_low, 0), percent(row.wilson_high, 0)
    listed = ", ".join(f"{percent(share)}" for _, share in seeds[:SHOWN])
    diverged = f", {row.diverged} diverged" if row.diverged else ""
    return {
        "mean": f"{percent(row.mean)} % of {row.seeds} seed{labels.plural(row.seeds)}{diverged}",
        "spread": f"{percent(row.median)} % ({spread} {'–'.join(map(percent, limits))})",
        "rate": f"{row.solved} of {row.seeds} (95 % interval {low}–{high} %)",
        "seeds": listed + (", …" if len(seeds) > SHOWN else ""),
    }


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _curves(accuracy: pd.DataFrame, history: pd.DataFrame, runs: pd.DataFrame) -> dict[str, Curves]:
    best = runs[runs["best_epoch"].notna()]
    keys = zip(best["task"], best["model"], best["seed"], strict=True)
    kept = dict(zip(keys, best["best_epoch"].astype(int), strict=True))
    return {
        "length": curves(grouped(accuracy), "length", "accuracy"),
        "validation": curves(history, "epoch", "selection", kept=kept),
        "loss": curves(history, "epoch", "loss", kept=kept, digits=5),
    }
