"""All figures of texts and translations, drawn from the tidy tables alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from fwp.report.figures.bleu import bleu_by_length
from fwp.report.figures.position import loss_by_position
from fwp.report.figures.state_size import loss_by_state
from fwp.report.figures.style import looks, save
from fwp.report.figures.text_learning import text_learning_curves
from fwp.report.labels import in_order
from fwp.results.frames import present
from fwp.results.text import TextResults
from fwp.results.text_facts import TextFacts
from fwp.results.text_summary import summarise_text
from fwp.results.unfinished import extended


def write_text_figures(
    results: TextResults,
    facts: Mapping[str, TextFacts],
    folder: str | Path,
    missing: Sequence[dict] = (),
) -> None:
    """Draw what `fwp.report.figure_names` lists, each as .svg, .pdf and .png.

    Those of a kind that has no results are left out.

    Args:
        facts: of each text (`fwp.results.text_facts`).
        missing: runs without results (`fwp.results.unfinished`).
    """
    for name, figure in text_figures(results, facts, missing).items():
        save(figure, Path(folder) / name)


def text_figures(
    results: TextResults, facts: Mapping[str, TextFacts], missing: Sequence[dict] = ()
) -> dict[str, Figure]:
    """The figures by name."""
    results = TextResults(*map(_in_order, results))
    text, translation, history, runs = results
    models = present(runs["model"])
    style = looks(in_order("model", extended(models, missing, "model")))
    style = {name: look for name, look in style.items() if name in models}
    found = {}
    if len(text):
        tasks = present(text["task"])
        found["text-position"] = loss_by_position(text, facts, style)
        for x in ("tokens", "seconds"):
            found[f"text-{x}"] = text_learning_curves(history, facts, style, x, tasks)
        found["text-state"] = loss_by_state(summarise_text(results, facts), facts, style)
    if len(translation):
        tasks = present(translation["task"])
        found["translation-length"] = bleu_by_length(translation, style)
        for name, x in (("pairs", "tokens"), ("seconds", "seconds")):
            figure = text_learning_curves(history, facts, style, x, tasks)
            found[f"translation-{name}"] = figure
    return found


def _in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """A table with models and tasks in the order of the config."""
    order = {kind: in_order(kind, frame[kind].cat.categories) for kind in ("model", "task")}
    return frame.assign(**{k: frame[k].cat.reorder_categories(v) for k, v in order.items()})
