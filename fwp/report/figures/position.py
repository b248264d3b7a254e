"""Loss against position in a text: one panel per text, one line per model, thin ones per seed."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from fwp.report.figures.lines import curves, log_ticks, page_of_tasks
from fwp.report.figures.losses import SOURCE, bits, bits_label, finite, loss_axis, source_key
from fwp.report.figures.style import SHADE, Look, looks
from fwp.report.labels import in_order
from fwp.results.frames import present
from fwp.results.text_facts import TextFacts

EARLY = 1 / 32  # of the context: where the losses begin that decide how far up a panel reaches


def loss_by_position(
    text: pd.DataFrame,
    facts: Mapping[str, TextFacts],
    style: Mapping[str, Look] | None = None,
) -> Figure:
    """Bits per byte at each range of positions; the training context is shaded.

    Lines are means over seeds, thin lines are the seeds. A dashed line is the loss of the true
    source, where it is known. A panel reaches as far up as the losses within the training context
    do, without the first positions. What is worse leaves the panel at its top.

    Args:
        text: the tidy table (`fwp.results.text`).
        facts: of each text (`fwp.results.text_facts`).
        style: the models' looks, by default `looks` of the models in the table.
    """
    style = style or looks(text["model"].unique())
    tasks = in_order("task", present(text["task"]))
    rows = text.assign(
        position=(text["first"] * text["last"]) ** 0.5,
        loss=bits(text["nats"], text["tokens"], text["bytes"]),
        source=bits(text["ideal"], text["tokens"], text["bytes"]),
    )
    known = rows["source"].notna().any()
    keys = [Patch(facecolor=SHADE, label="training context"), *([source_key()] * bool(known))]
    label = bits_label({task: facts[task] for task in tasks})
    x = "Position in the text (tokens)"
    with page_of_tasks(tasks, style, keys, x=x, y=label, shares=False) as (figure, axes):
        for task, axis in axes.items():
            own = rows[rows["task"] == task]
            curves(axis, own, "position", "loss", style, middle="mean")
            source = own.groupby("position")["source"].mean()
            if source.notna().any():
                axis.plot(source.index, source, zorder=30, label="_source", **SOURCE)
            axis.axvspan(1, facts[task].context, color=SHADE, linewidth=0, zorder=0)
            loss_axis(axis, *_limits(own, facts[task].context))
            log_ticks(axis, 1, own["last"].max())
    return figure


def _limits(rows: pd.DataFrame, context: int) -> tuple[float, float]:
    within = rows[(rows["last"] <= context) & (rows["last"] >= EARLY * context)]
    shown = finite(pd.concat([within["loss"], within["source"]]))
    every = finite(pd.concat([rows["loss"], rows["source"]]))
    return (every.min(), shown.max()) if len(shown) else (0.0, 1.0)
