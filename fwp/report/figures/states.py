"""Along long strings: accuracy by position, and where the state goes; memory against length."""

from collections.abc import Mapping

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from fwp.report import labels
from fwp.report.figures.layout import page
from fwp.report.figures.lines import curves, in_percent, log_ticks
from fwp.report.figures.style import SHADE, Look, handles, looks

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
    symbol makes it move by. One line per part of the state, the median over seeds; thin lines are
    the seeds. Accuracies are drawn seed by seed.

    Args:
        states, positions: the rows of `fwp.analysis.traces` of one model and task.
        mixer: the model's, by which the parts of the state are named.
        training: shortest and longest training string; those positions are shaded.
    """
    end = int(states["position"].max())
    scale = states["start"].where(states["start"] > 0, 1.0)
    states = states.assign(distance=states["distance"] / scale, step=states["step"] / scale)
    relative = " / ‖initial‖" if (states["start"] > 0).any() else ""
    layers = states["layer"].nunique()
    keys = zip(states["component"], states["layer"], strict=True)
    states["part"] = [labels.state(mixer, *key, layers) for key in keys]
    parts = states.sort_values(["layer", "component"])["part"].unique()
    colours = COLOURS * len(parts)
    style = {part: Look(colour, (0, ()), "") for part, colour in zip(parts, colours, strict=False)}
    legend = handles(style, str)
    with page(3, 1, (3.6, 1.4), x="Symbols read", shared="x", legend=legend) as (figure, axes):
        middle = (positions["first"] * positions["last"]) ** 0.5
        sns.lineplot(
            positions.assign(middle=middle), x="middle", y="accuracy", units="seed", estimator=None,
            color="#1b1b1b", linewidth=0.7, alpha=0.7, ax=axes[0],
        )  # fmt: skip
        in_percent(axes[0])
        axes[0].set_ylabel("Position accuracy (%)")
        for axis, column, change in (
            (axes[1], "distance", "state − initial"),
            (axes[2], "step", "change per symbol"),
        ):
            curves(axis, states, "position", column, style, "part")
            if (states[column] > 0).any():
                _log(axis)
            axis.set_ylabel(f"‖{change}‖{relative}")
        for axis in axes:
            if training:
                axis.axvspan(*training, color=SHADE, linewidth=0, zorder=0)
            log_ticks(axis, 1, max(end, 2))
        model, task = states["model"].iloc[0], states["task"].iloc[0]
        axes[0].set_title(f"{labels.model(model)} on {labels.task(task)}")
    return figure


def _log(axis: Axes) -> None:
    """A vertical log scale with plain numbers at three places or more."""
    axis.set_yscale("log", nonpositive="mask")
    low, high = axis.get_ylim()
    if high < 10 * low:  # else one number or two would be labelled
        middle = (low * high) ** 0.5
        low, high = middle / 10**0.5, middle * 10**0.5
        axis.set_ylim(low, high)
    subs = (1, 2, 5) if high < 50 * low else (1, 3) if high < 1e3 * low else (1,)
    axis.yaxis.set_major_locator(LogLocator(10, subs=subs, numticks=6))
    axis.yaxis.set_minor_locator(NullLocator())
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
    style = {name: style[name] for name in states["model"].unique()}
    with page(2, 2, (2.4, 1.8), x="Symbols read", legend=handles(style)) as (figure, axes):
        for axis, column, title, unit in (
            (axes[0], "state_bytes", "State of one string", "KiB"),
            (axes[1], "process_bytes", "Whole process, peak", "MiB"),
        ):
            used = states.assign(used=states[column] / {"KiB": 1024, "MiB": 2**20}[unit])
            curves(axis, used, "position", "used", style)
            axis.set_title(title)
            axis.set_ylabel(f"Memory ({unit})")
            log_ticks(axis, 1, max(2, int(states["position"].max())))
        _log(axes[0])
        axes[1].set_ylim(bottom=0)
    return figure
