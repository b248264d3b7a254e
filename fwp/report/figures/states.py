"""Along long strings: accuracy by position, and where the state goes; memory against length."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from fwp.report import labels
from fwp.report.figures.style import (
    NORMAL,
    SHADE,
    Look,
    axis_in_percent,
    draw,
    handles,
    log_ticks,
    looks,
    panels,
    settings,
)

# The four matrices of SRWM, or whatever a state is made of.
COLOURS = ["#0072b2", "#d55e00", "#2fa87a", "#eba21a", "#882255", "#1b1b1b", "#56b4e9", "#999933"]


def trace(
    states: pd.DataFrame,
    positions: pd.DataFrame,
    mixer: str,
    training: tuple[int, int] | None = None,
) -> Figure:
    """One model on one task: three panels against the position in the string.

    Accuracy at the position; the state's distance from its initial value, relative to the norm of
    that where it is not zero (SRWM: how far the weights have moved); and the step that a single
    symbol makes it move by. One line per part of the state, the mean over seeds; bands reach from
    the smallest to the largest seed. Accuracies are drawn seed by seed.

    Args:
        states, positions: the rows of `fwp.analysis.traces` of one model and task.
        mixer: the model's, by which the parts of the state are named.
        training: shortest and longest training string; those positions are shaded.
    """
    end = int(states["position"].max())
    scale = states["start"].where(states["start"] > 0, 1.0)
    states = states.assign(distance=states["distance"] / scale, step=states["step"] / scale)
    relative = ", relative" if (states["start"] > 0).any() else ""
    with settings():
        figure, axes = panels(3, 1, (3.6, 1.25), (0, 0.22), 0.62, 1.0, 0.24, 0.42)
        for _, run in positions.groupby("seed"):
            middle = (run["first"] * run["last"]) ** 0.5
            axes[0].plot(middle, run["accuracy"], color="#1b1b1b", linewidth=0.7, alpha=0.7)
        axis_in_percent(axes[0])
        axes[0].set_ylabel("Positions right (%)", labelpad=2)
        for axis, column in ((axes[1], "distance"), (axes[2], "step")):
            _lines(axis, states, column, mixer)
        axes[1].set_ylabel(f"Distance{relative}", labelpad=2)
        axes[2].set_ylabel(f"Step{relative}", labelpad=2)
        axes[2].set_xlabel("Position", labelpad=2)
        axes[1].legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), frameon=False)
        for axis in axes:
            if training:
                axis.axvspan(*training, color=SHADE, linewidth=0, zorder=0)
            axis.spines[["top", "right"]].set_visible(False)
            log_ticks(axis, 1, max(end, 2))
            axis.tick_params(labelbottom=axis is axes[2])
        model, task = states["model"].iloc[0], states["task"].iloc[0]
        axes[0].set_title(f"{labels.model(model)} on {labels.task(task)}", loc="left", pad=3)
    return figure


def _lines(axis: Axes, states: pd.DataFrame, column: str, mixer: str) -> None:
    layers = states["layer"].nunique()
    parts = states.groupby(["layer", "component"])
    for ((layer, component), rows), colour in zip(parts, COLOURS * len(parts), strict=False):
        seeds = rows.groupby("position")[column].agg(["mean", "min", "max"]).dropna()
        label = labels.state(mixer, component, layer, layers)
        axis.plot(seeds.index, seeds["mean"], color=colour, label=label)
        axis.fill_between(seeds.index, seeds["min"], seeds["max"], color=colour, alpha=0.13, lw=0)
    if (states[column] > 0).any():
        _log(axis)


def _log(axis: Axes) -> None:
    """A vertical log scale with plain numbers at a few places."""
    axis.set_yscale("log", nonpositive="mask")
    low, high = axis.get_ylim()
    fine = high < 1e3 * low  # further ones would leave no place for 3, 30, … or be left out by all
    axis.yaxis.set_major_locator(LogLocator(10, subs=(1, 3) if fine else (1,), numticks=6))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())


def memory(states: pd.DataFrame, style: Mapping[str, Look] | None = None) -> Figure:
    """Memory against length: what the state takes, and the most that the process has taken.

    Args:
        states: the rows of `fwp.analysis.traces`, of any number of models and tasks.
        style: the models' looks, by default `looks` of the models in the table.
    """
    style = style or looks(states["model"].unique())
    # Strings of some tasks are longer than others': means are over the same ones everywhere.
    runs = states.groupby(["model", "position"], observed=True)["position"].transform("size")
    states = states[runs == runs.groupby(states["model"], observed=True).transform("max")]
    with settings():
        figure, axes = panels(2, 2, (2.4, 1.8), (0.6, 0), 0.55, 1.5, 0.24, 0.45)
        for axis, column, title, unit in (
            (axes[0], "state_bytes", "State of one string", 1024),
            (axes[1], "process_bytes", "Whole process, at most", 2**20),
        ):
            spread = states.assign(value=states[column] / unit).groupby(["model", "position"])
            spread = spread["value"].agg(mean="mean", worst="min", best="max").reset_index()
            draw(axis, spread, "position", style)
            axis.set_title(title, loc="left", pad=3)
            axis.set_xlabel("Symbols read", labelpad=2)
            axis.set_ylabel("KiB" if unit == 1024 else "MiB", labelpad=2)
            axis.spines[["top", "right"]].set_visible(False)
            log_ticks(axis, 1, max(2, int(states["position"].max())))
        _log(axes[0])
        axes[1].set_ylim(bottom=0)
        axes[1].legend(
            handles=handles({name: style[name] for name in states["model"].unique()}),
            loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False, fontsize=NORMAL,
        )  # fmt: skip
    return figure
