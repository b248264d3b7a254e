"""The figures of a search, drawn from the tidy table of trials alone."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from fwp.report.figures.best_of import expected_best_of
from fwp.report.figures.style import looks, save
from fwp.report.figures.trials import accuracy_by_setting
from fwp.report.labels import in_order
from fwp.results.frames import present

FIGURES = ("search-settings", "search-best")


def write_search_figures(
    trials: pd.DataFrame, folder: str | Path, models: Iterable[str] = ()
) -> None:
    """Draw search-settings and search-best into `folder`, each as .svg, .pdf and .png.

    Args:
        trials: the tidy table (`fwp.results.trials`).
        models: all models of the experiment, so that a model looks as in its other figures.
    """
    searched = present(trials["model"])
    style = looks(in_order("model", dict.fromkeys([*models, *searched])))
    style = {name: look for name, look in style.items() if name in searched}
    for name, draw in zip(FIGURES, (accuracy_by_setting, expected_best_of), strict=True):
        save(draw(trials, style), Path(folder) / name)
