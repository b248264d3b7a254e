"""Validation loss of texts and translations in training, against tokens or seconds."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fwp.report.figures.lines import draw, log_ticks, page_of_tasks, thin
from fwp.report.figures.losses import bits, bits_label, finite, loss_axis
from fwp.report.figures.style import Look, looks
from fwp.report.labels import in_order
from fwp.results.frames import groups, present
from fwp.results.text_facts import TextFacts

X = {"tokens": "Tokens read in training", "seconds": "Seconds of training"}
PAIRS = "Pairs read in training"  # of translations, whose tokens are not counted
EARLY = 0.1  # share of training whose end decides how far up a panel reaches
LONG = 8  # ratio of last and first measurement, from which on the axis is logarithmic


def text_learning_curves(
    history: pd.DataFrame,
    facts: Mapping[str, TextFacts],
    style: Mapping[str, Look] | None = None,
    x: str = "tokens",
    tasks: Sequence[str] | None = None,
) -> Figure:
    """Validation loss: in bits per byte of texts, in nats per token of translations.

    Lines are means over seeds of loss and `x` at equal numbers of training strings, thin lines are
    the seeds. A panel reaches as far up as the losses do after a tenth of the training.

    Args:
        history: the tidy table (`fwp.results.text`).
        facts: of each text (`fwp.results.text_facts`).
        style: the models' looks, by default `looks` of the models in the table.
        x: what the axis shows: "tokens" or "seconds".
        tasks: those that are shown; by default all in the table, of one kind.
    """
    if x not in X:
        raise ValueError(f"x must be {' or '.join(X)}, got {x!r}")
    style = style or looks(history["model"].unique())
    tasks = in_order("task", present(history["task"]) if tasks is None else tasks)
    texts = {task: facts[task] for task in tasks if task in facts}
    label = bits_label(texts) if texts else "Nats per token"
    title = X[x] if texts or x != "tokens" else PAIRS
    with page_of_tasks(tasks, style, x=title, y=label, shares=False) as (figure, axes):
        for task, axis in axes.items():
            rows = _rows(history[history["task"] == task], texts.get(task))
            _panel(axis, rows, x, style)
    return figure


def _rows(rows: pd.DataFrame, facts: TextFacts | None) -> pd.DataFrame:
    """Rows with the columns tokens and validation as they are drawn."""
    rows = rows[np.isfinite(rows["validation"])]
    if facts is None:
        return rows.assign(tokens=rows["strings"])
    return rows.assign(
        tokens=rows["strings"] * facts.context,
        validation=bits(rows["validation"], 1, facts.bytes_per_token("validation")),
    )


def _panel(axis: Axes, rows: pd.DataFrame, x: str, style: Mapping[str, Look]) -> None:
    own = dict(groups(rows, "model"))
    style = {name: look for name, look in style.items() if name in own}
    for i, (name, look) in enumerate(style.items()):
        seeds = [of for _, of in groups(own[name], "seed")]
        if len(seeds) > 1:
            thin(axis, name, look, [of.set_index(x)["validation"] for of in seeds])
        means = own[name].groupby("strings")[[x, "validation"]].mean()
        line = draw(axis, name, look, means[x], means["validation"], zorder=3 + i)
        every = max(4, len(style))
        line.set_markevery(sorted({*range(i % every, len(means), every), len(means) - 1}))
    if rows.empty:
        return
    early = rows["strings"] >= EARLY * rows["strings"].max()
    losses = finite(rows["validation"])
    loss_axis(axis, losses.min(), losses[early].max())
    log_ticks(axis, rows[x].min(), rows[x].max(), LONG)
