"""Expected best of k trials against k: what a search of a given size finds, one panel per task."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from fwp.report import labels
from fwp.report.figures.apart import BESIDE
from fwp.report.figures.lines import draw, log_ticks, page_of_tasks
from fwp.report.figures.style import Look, looks
from fwp.results.frames import groups, present
from fwp.results.trial_statistics import best_of

LONG = 60  # trials, from which on the axis is logarithmic
FEW = 2  # models whose bands can be told apart


def expected_best_of(trials: pd.DataFrame, style: Mapping[str, Look] | None = None) -> Figure:
    """Expected validation accuracy of the best of k trials (Dodge et al. 2019), against k.

    A line that still rises at its end says that more trials would find better settings. Up to two
    models have a band from quartile to quartile.

    Args:
        trials: the tidy table (`fwp.results.trials`).
        style: the models' looks, by default `looks` of the models in `trials`.
    """
    style = style or looks(labels.in_order("model", present(trials["model"])))
    curves = dict(groups(best_of(trials), "task"))
    tasks = labels.in_order("task", curves)
    y = "Expected best (%)"
    with page_of_tasks(tasks, style, x="Number of trials", y=y) as (figure, axes):
        for task, axis in axes.items():
            own = dict(groups(curves[task], "model"))
            for i, (name, look) in enumerate(style.items()):
                if name not in own:
                    continue
                k, mean, low, high = (own[name][key] for key in ("k", "mean", "low", "high"))
                line = draw(axis, name, look, k, mean, zorder=3 + i)
                every = max(len(style), len(k) // 3)  # at places of its own, as in other figures
                line.set_markevery(sorted({*range(i, len(k), every), len(k) - 1}))
                if len(own) <= FEW:
                    band = {"color": look.colour, "alpha": 0.15, "linewidth": 0}
                    axis.fill_between(k, low, high, zorder=1, label=BESIDE + name, **band)
            log_ticks(axis, 1, max(curves[task]["k"]), LONG)
    return figure
