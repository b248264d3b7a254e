"""How states come apart along strings, and the failure that this foretells against the one seen."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from fwp.report import labels
from fwp.report.figures.layout import page
from fwp.report.figures.lines import curves, log_ticks
from fwp.report.figures.style import GREY, SHADE, Look, handles, looks
from fwp.results.frames import groups
from fwp.results.horizon import HALF, learnt

MEASURES = {"q_u": "Spread / separation, q_u", "drift_u": "Drift / separation, drift_u"}


def along(records: Iterable[dict], measures: Iterable[str] = tuple(MEASURES)) -> pd.DataFrame:
    """One row per task × model × seed × layer × position, of affine and other models.

    Args:
        records: what `fwp.analysis.control.control_cell` writes.
        measures: columns to keep.
    """
    rows = [
        {"task": record["task"], "model": record["model"], "training": record["training"]}
        | {"seed": seed["seed"], "affine": seed["affine"], "layer": row["layer"]}
        | {"position": row["position"]}
        | {measure: row[measure] for measure in measures}
        for record in records
        for seed in record["seeds"]
        for row in seed["along"]
    ]
    names = ["task", "model", "training", "seed", "affine", "layer", "position", *measures]
    return pd.DataFrame(rows, columns=names)


def error_control(
    rows: pd.DataFrame, found: pd.DataFrame, style: Mapping[str, Look] | None = None
) -> Figure:
    """For every task: q_u and drift_u along strings, affine models and others; foretold and seen.

    Args:
        rows: of `along`.
        found: of `fwp.results.horizon.horizons`; seeds that have not learnt the training lengths
            are left out of every panel.
        style: the models' looks, by default `looks` of the models in the table.
    """
    kept = learnt(found)
    names = ["task", "model", "seed", "layer"]
    rows = rows.merge(kept[names].drop_duplicates(), on=names)
    style = style or looks(found["model"].unique())
    tasks = list(found["task"].unique())
    legend = handles({name: style[name] for name in kept["model"].unique()})
    with page(max(6 * len(tasks), 1), 3, (2.2, 1.7), legend=legend) as (figure, axes):
        for i, task in enumerate(tasks):
            for j, measure in enumerate(MEASURES):
                panels = axes[6 * i + 3 * j : 6 * i + 3 * j + 3]
                own = rows[rows["task"] == task]
                judged = kept[(kept["task"] == task) & (kept["measure"] == measure)]
                for axis, affine in zip(panels, (True, False), strict=False):
                    _curves(axis, own[own["affine"] == affine], measure, style)
                    kind = "affine" if affine else "not affine"
                    axis.set_title(f"{labels.task(task)}: {kind}")
                    axis.set_ylabel(MEASURES[measure] if affine else "")
                _scatter(panels[2], judged[judged["rule"] == "others"], style)
    return figure


def _curves(axis: Axes, rows: pd.DataFrame, measure: str, style: Mapping[str, Look]) -> None:
    axis.set_xlabel("Symbols read")
    if rows.empty:
        return
    axis.axvspan(1, int(rows["training"].iloc[0]), color=SHADE, linewidth=0, zorder=0)
    axis.axhline(HALF[measure], color=GREY, linewidth=0.6, zorder=1)
    curves(axis, rows.replace({measure: {np.inf: np.nan}}), "position", measure, style)
    axis.set_yscale("log", nonpositive="mask")
    low, high = axis.get_ylim()
    subs = (1, 2, 5) if high < 50 * low else (1,)
    axis.yaxis.set_major_locator(LogLocator(10, subs=subs, numticks=6))
    _plain(axis.yaxis)
    log_ticks(axis, int(rows["position"].min()), max(2, int(rows["position"].max())))


def _scatter(axis: Axes, judged: pd.DataFrame, style: Mapping[str, Look]) -> None:
    """Predicted (from the training lengths) against measured; ends of the axes are "beyond"."""
    axis.set(xlabel="Predicted failure", ylabel="Measured failure")
    if judged.empty:
        return
    low, end = int(judged["training"].iloc[0]), int(judged["length"].iloc[0])
    beyond = end * 1.5
    axis.plot([low / 2, beyond], [low / 2, beyond], color=GREY, linewidth=0.6, zorder=1)
    judged = judged[judged["threshold"].notna()]
    for model, own in groups(judged, "model", sort=False):
        x, y = (own[name].astype("Float64").fillna(beyond) for name in ("predicted", "measured"))
        axis.scatter(
            x.to_numpy(float), y.to_numpy(float), s=12, color=style[model].colour,
            marker=style[model].marker, linewidths=0.4, edgecolors="white", zorder=3,
        )  # fmt: skip
    ends = (low / 2.5, beyond * 1.3)
    axis.set(xscale="log", yscale="log", xlim=ends, ylim=ends)
    for way in (axis.xaxis, axis.yaxis):
        way.set_major_locator(LogLocator(10))
        _plain(way)
    axis.set_title(f"Beyond {end}: at the edge")


def _plain(way: Axis) -> None:
    """Plain numbers, and no ticks between them."""
    way.set_minor_locator(NullLocator())
    way.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
