"""BLEU against the length of the source: one panel per translation, one line per model."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from fwp.report.figures.lines import curves, log_ticks, page_of_tasks
from fwp.report.figures.style import Look, looks
from fwp.report.labels import in_order
from fwp.results.frames import present
from fwp.results.text_kinds import ALL
from fwp.utils.bins import Bin


def bleu_by_length(
    translation: pd.DataFrame,
    style: Mapping[str, Look] | None = None,
) -> Figure:
    """BLEU of test sentences by the number of source tokens.

    Lines are means over seeds, thin lines are the seeds. Where translations were decoded in several
    ways, the last is shown: beam search, if there is one.

    Args:
        translation: the tidy table (`fwp.results.text`).
        style: the models' looks, by default `looks` of the models in the table.
    """
    style = style or looks(translation["model"].unique())
    rows = translation[translation["bin"] != ALL]
    tasks = in_order("task", present(translation["task"]))
    x = "Length of the source (tokens)"
    with page_of_tasks(tasks, style, x=x, y="BLEU", shares=False) as (figure, axes):
        for task, axis in axes.items():
            own = rows[rows["task"] == task]
            own = own[own["decoding"] == (present(own["decoding"]) or [""])[-1]]
            bins = {bin: Bin.parse(bin) for bin in own["bin"].unique()}
            if not bins:
                continue
            places = {bin: (own.shortest * own.longest) ** 0.5 for bin, own in bins.items()}
            own = own.assign(length=own["bin"].astype(str).map(places))
            curves(axis, own, "length", "bleu", style, middle="mean")
            for line in axis.lines:
                line.set_markevery(1)  # few enough to mark all
            axis.set_ylim(bottom=0)
            log_ticks(axis, min(places.values()), max(places.values()))
    return figure
