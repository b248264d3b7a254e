"""How the states of models behave along long strings, and where positions go wrong."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from fwp.report import labels
from fwp.report.tables.markdown import markdown_table
from fwp.results.frames import groups
from fwp.results.statistics import CELL
from fwp.utils.files import write_frame, write_text

NOTE = (
    "States are recorded on the longest test strings. First miss: the first positions at which "
    "less than 99 % of the labels are right, over all seeds. Growth: beyond the training lengths, "
    "the distance of the state from its initial value follows a power law t^r; this is r, median "
    "over seeds, with their range in brackets (0: the distance is constant, 1: every symbol adds "
    "as much, below 0: the state returns). Last step: the share of that distance by which the last "
    "symbol moves the state. Memory: bytes of the whole state at the first and the last position."
)


def summary(
    states: pd.DataFrame,
    positions: pd.DataFrame,
    mixers: Mapping[str, str],
    training: Mapping[str, tuple[int, int]],
) -> pd.DataFrame:
    """One row per task × model × layer × component of the state.

    Args:
        states, positions: the rows of `fwp.analysis.traces`.
        mixers: by model.
        training: shortest and longest training string by task.

    Returns:
        growth (median over seeds), growth_low, growth_high: exponents, empty where there are fewer
        than three positions beyond the training lengths; last_step: step / distance at the end;
        first_miss: first position of the first stretch with less than 99 % right, empty if there is
        none; length: of the longest string; bytes_first, bytes_last: of the state.
    """
    rows = []
    keys = [*CELL, "layer", "component"]
    for (task, model, layer, component), part in groups(states, keys, sort=False):
        beyond = part[part["position"] > training[task][1]]
        growths = pd.Series([_exponent(own) for _, own in groups(beyond, "seed")], dtype=float)
        growths = growths.dropna()
        ends = part[part["position"] == part["position"].max()]
        own = positions[(positions["task"] == task) & (positions["model"] == model)]
        right = own.groupby("first")["accuracy"].mean()
        missed = right[right < 0.99]
        layers = states.loc[states["model"] == model, "layer"].nunique()
        rows.append(
            {
                "task": task,
                "model": model,
                "state": labels.state(mixers[model], component, layer, layers),
                "growth": growths.median(),
                "growth_low": growths.min(),
                "growth_high": growths.max(),
                "last_step": (ends["step"] / ends["distance"]).median(),
                "first_miss": missed.index[0] if len(missed) else pd.NA,
                "length": part["position"].max(),
                "bytes_first": part["state_bytes"].iloc[0],
                "bytes_last": part["state_bytes"].iloc[-1],
            }
        )
    return pd.DataFrame(rows).astype({"first_miss": "Int64"})


def _exponent(rows: pd.DataFrame) -> float:
    """Slope of log distance over log position."""
    rows = rows[rows["distance"] > 0]
    if len(rows) < 3:
        return float("nan")
    return float(np.polyfit(np.log(rows["position"]), np.log(rows["distance"]), 1)[0])


def write_states(table: pd.DataFrame, *, csv: str | Path, markdown: str | Path) -> None:
    """Write the `summary`."""
    write_frame(csv, table)
    header = ["Model", "State", "First miss", "Growth", "Last step (%)", "Memory (bytes)"]
    parts = ["# States along long strings", NOTE]
    for task, rows in groups(table, "task", sort=False):
        length = f"strings of up to {rows['length'].max():,} symbols"
        parts.append(f"## {labels.task(task)}, {length}")
        parts.append(markdown_table(header, [_row(row) for row in rows.itertuples()], left=2))
    write_text(markdown, "\n\n".join(parts) + "\n")


def _row(row) -> list[str]:
    spread = "" if row.growth_low == row.growth_high else f" ({row.growth_low:.2f} to "
    spread += f"{row.growth_high:.2f})" if spread else ""
    memory = f"{row.bytes_first:,}"
    if row.bytes_first != row.bytes_last:
        memory += f" → {row.bytes_last:,}"
    return [
        labels.model(row.model),
        row.state,
        "–" if pd.isna(row.first_miss) else f"{row.first_miss:,}",
        "–" if pd.isna(row.growth) else f"{row.growth:.2f}{spread}",
        "–" if pd.isna(row.last_step) else _percent(100 * row.last_step),
        memory,
    ]


def _percent(value: float) -> str:
    """Two digits, or all those before the point."""
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"
