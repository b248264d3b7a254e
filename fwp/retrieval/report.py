"""Retrieval losses as a table and a figure, beside the published ones."""

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from fwp.report.figures.style import GREY, looks, settings
from fwp.report.tables.markdown import markdown_table
from fwp.retrieval.grid import Job
from fwp.retrieval.published import LOSS

NAMES = {
    "softmax": "softmax",
    "elu": "elu + 1",
    **{f"dpfp_{nu}": f"DPFP-{nu}" for nu in (1, 2, 3)},
    "favor_512": "FAVOR+ (512)",
}
TITLES = {"distinct": "Distinct keys (setting 1)", "repeated": "Repeated keys (setting 2)"}


def name(memory: str) -> str:
    """A memory as the paper writes it."""
    known = memory.removesuffix("_delta")
    return NAMES.get(known, known) + (", delta rule" if known != memory else "")


def collect(jobs: Iterable[Job], files: Iterable[str | Path]) -> pd.DataFrame:
    """One row per run: setting, memory, pairs, seed, loss, steps, status, seconds, published."""
    rows = []
    for job, file in zip(jobs, files, strict=True):
        found = json.loads(Path(file).read_text(encoding="utf-8"))
        published = LOSS.get((job.setting, job.memory), {}).get(job.pairs)
        facts = {key: found[key] for key in ("loss", "steps", "status", "seconds")}
        rows.append(job._asdict() | facts | {"published": published})
    return pd.DataFrame(rows)


def markdown(table: pd.DataFrame) -> str:
    """A table per setting: memories by rows, numbers of pairs by columns, "ours (published)"."""
    parts = [
        "# Associative retrieval\n\nLeast evaluation loss ½|v − v̂|², mean over seeds; in brackets "
        "that of Schlag, Irie and Schmidhuber (2021), from the logs published with their code.\n"
    ]
    for setting in table["setting"].unique():
        found = table[table["setting"] == setting]
        pairs = sorted(found["pairs"].unique())
        rows = []
        for memory in found["memory"].unique():
            runs = found[found["memory"] == memory]
            cells = []
            for count in pairs:
                own = runs[runs["pairs"] == count]
                known = LOSS.get((setting, memory), {}).get(count)
                cell = f"{own['loss'].mean():.4f}" if len(own) else ""
                cells.append(cell + (f" ({known:.4f})" if known is not None else ""))
            rows.append([name(memory), *cells])
        parts.append(f"## {TITLES[setting]}\n")
        parts.append(markdown_table(["S", *map(str, pairs)], rows) + "\n")
    return "\n".join(parts)


def figure(table: pd.DataFrame) -> Figure:
    """Loss against the number of pairs, a panel per setting; crosses are the published values."""
    shown = list(dict.fromkeys(table["setting"]))
    memories = list(dict.fromkeys(table["memory"]))
    style = looks(memories)
    with settings():
        page = Figure(figsize=(3.2 * len(shown) + 0.2, 2.9), layout="constrained")
        axes = page.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for axis, setting in zip(axes, shown, strict=True):
            for memory, runs in table[table["setting"] == setting].groupby("memory", sort=False):
                look = style[memory]
                mean = runs.groupby("pairs")["loss"].mean()
                axis.plot(
                    mean.index,
                    mean.to_numpy(),
                    color=look.colour,
                    linestyle=look.dashes,
                    marker=look.marker,
                )
                known = LOSS.get((setting, memory), {})
                known = {count: loss for count, loss in known.items() if count in mean.index}
                axis.plot(list(known), list(known.values()), "x", color=look.colour, markersize=6)
            # Half is the loss of retrieving nothing.
            axis.set(title=TITLES[setting], xlabel="Keys and values S", ylim=(-0.02, 0.52))
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
            axis.spines[["top", "right"]].set_visible(False)
        axes[0].set_ylabel("Loss")
        handles = [
            Line2D(
                [],
                [],
                color=style[memory].colour,
                linestyle=style[memory].dashes,
                marker=style[memory].marker,
                label=name(memory),
            )
            for memory in memories
        ]
        if table["published"].notna().any():
            handles.append(Line2D([], [], color=GREY, marker="x", linestyle="", label="published"))
        page.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    return page
