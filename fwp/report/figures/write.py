"""All figures of an experiment, drawn from the tidy tables alone."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from fwp.datasets.card_reader import training_lengths
from fwp.report.figures.heatmap import heatmap
from fwp.report.figures.learning import learning_curves
from fwp.report.figures.length import accuracy_by_length
from fwp.report.figures.solved import solved_by
from fwp.report.figures.strip import strip
from fwp.report.figures.style import looks, save
from fwp.report.labels import in_order
from fwp.results.collect import Results
from fwp.results.frames import present
from fwp.results.summary import Summary
from fwp.results.unfinished import extended


def write_figures(
    results: Results,
    folder: str | Path,
    cards: Iterable[str | Path] = (),
    missing: Sequence[dict] = (),
    summary: Summary | None = None,
) -> None:
    """Draw every figure into `folder`, each as .svg, .pdf and .png.

    heatmap, length, strip, learning, and solved against epochs, strings and seconds.

    Args:
        cards: the dataset cards (JSON) of the tasks; they tell which lengths were trained on.
        missing: runs without results (`fwp.results.unfinished`).
        summary: of the results, if it has been computed.
    """
    folder, training = Path(folder), training_lengths(cards)
    results = Results(*map(_in_order, results))
    models = present(results.runs["model"])
    # A model without results has a look, too: with the rest of the runs no other changes its own.
    style = looks(in_order("model", extended(models, missing, "model")))
    style = {name: look for name, look in style.items() if name in models}
    cells = None if summary is None else _in_order(summary.cells)
    save(heatmap(results.accuracy, missing, cells), folder / "heatmap")
    save(accuracy_by_length(results.accuracy, training, style), folder / "length")
    save(learning_curves(results.history, results.runs, style), folder / "learning")
    save(strip(results.accuracy, style), folder / "strip")
    for x in ("epochs", "strings", "seconds"):
        figure = solved_by(results.history, results.runs, style, x)
        save(figure, folder / f"solved-{x}")


def _in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """A table with models and tasks in the order of the config."""
    order = {kind: in_order(kind, frame[kind].cat.categories) for kind in ("model", "task")}
    return frame.assign(**{k: frame[k].cat.reorder_categories(v) for k, v in order.items()})
