"""Retrieval losses as a table and a figure, beside the published ones."""

import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from fwp.report.figures.layout import page
from fwp.report.figures.lines import curves
from fwp.report.figures.style import CROSS, GREY, handles, looks
from fwp.report.tables.markdown import markdown_table
from fwp.retrieval.grid import RetrievalJob
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


def collect(jobs: Iterable[RetrievalJob], files: Iterable[str | Path]) -> pd.DataFrame:
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
        "# Associative retrieval\n\nLowest evaluation loss ½|v − v̂|², mean over seeds. In "
        "brackets: the loss of Schlag, Irie and Schmidhuber (2021), from the logs published with "
        "their code.\n"
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
    """Loss against the number of pairs, a panel per setting; crosses are the published values.

    Thick lines are medians over seeds, thin lines are the seeds.
    """
    shown = list(dict.fromkeys(table["setting"]))
    memories = list(dict.fromkeys(table["memory"]))
    style = looks(memories)
    key = handles(style, name)
    cross = CROSS | {"color": GREY, "markeredgewidth": 0.8}
    if table["published"].notna().any():
        key.append(Line2D([], [], label="published", **cross))
    x, y, count = "Keys and values S", "Loss", len(shown)
    with page(count, count, (2.8, 2), x=x, y=y, shared="y", legend=key) as (drawn, axes):
        for axis, setting in zip(axes, shown, strict=True):
            runs = table[table["setting"] == setting]
            curves(axis, runs, "pairs", "loss", style, "memory")
            known = runs.dropna(subset="published").drop_duplicates(["memory", "pairs"])
            for memory, cells in known.groupby("memory"):
                (points,) = axis.plot(cells["pairs"], cells["published"])
                points.set(**cross | {"color": style[str(memory)].colour})
            # Half is the loss of retrieving nothing.
            axis.set(title=TITLES[setting], ylim=(-0.02, 0.52))
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    return drawn
