"""How cost grows, as a person reads it: exponents, what limits next, and a figure per axis."""

import math
import os

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from fwp.benchmarks.growth import STEP
from fwp.report import labels
from fwp.report.figures.layout import page
from fwp.report.figures.style import handles, looks, semantics
from fwp.report.tables.markdown import markdown_table

FAR = 1000  # times the largest size: what limits beyond is not said
LAST = 3  # points that an exponent is fitted to
TITLES = {
    "seeds": "Seeds in a pack",
    "hidden": "Width",
    "length": "Length",
    "layers": "Layers",
    "planned": "Cells planned",
    "automata": "Automata planned",
    "run": "Cells run",
}
COSTS = {"seconds": "Seconds", "MB": "MB"}
# Seconds of a step, of planning and of a run beyond which nobody waits.
PATIENCE = {**dict.fromkeys(STEP, 10.0), "planned": 600.0, "automata": 600.0, "run": 86400.0}


def exponent(sizes: pd.Series, costs: pd.Series) -> float:
    """p in cost ∝ sizeᵖ, fitted to the last points; NaN where there are not two."""
    points = pd.DataFrame({"size": sizes, "cost": costs}).dropna().sort_values("size").tail(LAST)
    if len(points) < 2 or (points <= 0).any(axis=None):
        return math.nan
    return float(np.polyfit(np.log(points["size"]), np.log(points["cost"]), 1)[0])


def markdown(table: pd.DataFrame, machine: str, memory: float) -> str:
    """A table of the largest points with exponents, and per axis what limits next.

    Args:
        memory: bytes that the machine has.
    """
    parts = [
        f"# How cost grows\n\n{machine}, {memory / 1e9:.0f} GB\n\nA training step of 16 strings of "
        "50 symbols (4 strings where their length grows), all other sizes as in the config; "
        "planning (`snakemake -n`) and a run with next to no training, a job per cell. *p*: cost "
        f"grows as sizeᵖ, fitted to the last {LAST} sizes.\n"
    ]
    rows = []
    for (axis, model), group in table.groupby(["axis", "model"], sort=False):
        done = group.dropna(subset="seconds").sort_values("size")
        if done.empty:
            continue
        last = done.iloc[-1]
        rows.append(
            {
                "": TITLES[str(axis)],
                "model": labels.model(str(model)) if model else "",
                "size": f"{last['size']:,}",
                "seconds": f"{last['seconds']:.3g}",
                "p of time": f"{exponent(done['size'], done['seconds']):.2f}",
                "MB": f"{last['bytes'] / 1e6:.3g}",
                "p of memory": f"{exponent(done['size'], done['bytes']):.2f}",
            }
        )
    if rows:
        parts.append(markdown_table(list(rows[0]), [list(r.values()) for r in rows], 2) + "\n")
    parts += [f"- {line}" for line in limits(table, memory)]
    return "\n".join(parts) + "\n"


def limits(table: pd.DataFrame, memory: float) -> list[str]:
    """Per axis, a sentence on what ends its growth first, by the exponents."""
    lines = []
    for axis, of_axis in table.groupby("axis", sort=False):
        reached = []
        for model, group in of_axis.groupby("model", sort=False):
            done = group.dropna(subset="seconds").sort_values("size")
            bounds = {"seconds": PATIENCE[str(axis)], "bytes": memory}
            for cost, bound in bounds.items():
                p = exponent(done["size"], done[cost])
                if p > 0:
                    last = done.iloc[-1]
                    times = math.log(max(1.0, bound / last[cost])) / p
                    if times < math.log(FAR):
                        reached.append((last["size"] * math.exp(times), cost, str(model)))
        if reached:
            size, cost, model = min(reached)
            bound = PATIENCE[str(axis)]
            what = (
                f"time ({bound:,.0f} s)" if cost == "seconds" else f"memory ({memory / 1e9:.0f} GB)"
            )
            whose = f" of {labels.model(model)}" if model else ""
            lines.append(f"{TITLES[str(axis)]}: {what}{whose} limits next, at some {_round(size)}.")
    notes = table[table["note"].astype(bool)]
    for row in notes.to_dict("records"):
        name = labels.model(row["model"]) + ", " if row["model"] else ""
        lines.append(f"{TITLES[row['axis']]}: {name}no answer at {row['size']:,}: {row['note']}")
    return lines


def figure(table: pd.DataFrame, axis: str) -> Figure:
    """Seconds and bytes against the sizes of an axis, with exponents in the legend."""
    done = table[table["axis"] == axis].dropna(subset="seconds")
    done = done.assign(MB=done["bytes"] / 1e6)
    models = list(dict.fromkeys(done["model"]))
    style = looks(models)

    def named(model: str) -> str:
        own = done[done["model"] == model]
        powers = (exponent(own["size"], own[cost]) for cost in ("seconds", "bytes"))
        time, memory = ("?" if math.isnan(p) else f"{p:.2f}" for p in powers)
        return f"{labels.model(model) or 'all'}: time n^{time}, memory n^{memory}"

    key = handles(style, named)
    with page(2, 2, (2.4, 1.8), x=TITLES[axis], legend=key) as (drawn, axes):
        for panel, (cost, title) in zip(axes, COSTS.items(), strict=True):
            shown = done[done[cost] > 0]
            sns.lineplot(shown, x="size", y=cost, estimator=None, ax=panel, **semantics(style))
            panel.set(xscale="log", yscale="log", title=title, ylabel="")
            # Costs may span less than a power of ten, and an axis has no other labels.
            panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
            panel.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
            sizes = sorted(shown["size"].unique())
            panel.set_xticks(sizes, [_short(size) for size in sizes])
            panel.minorticks_off()
    return drawn


def _short(size: int) -> str:
    """16384 as 16k."""
    return str(size) if size < 10_000 else f"{round(size / 1000)}k"


def machine_memory(device: str) -> float:
    """Bytes of the GPU, or of this machine."""
    if device != "cpu":
        import torch

        return float(torch.cuda.mem_get_info()[1])
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))


def _round(size: float) -> str:
    """To two digits."""
    digits = max(0, math.floor(math.log10(size)) - 1)
    return f"{round(size, -digits):,.0f}"
