"""All figures of an experiment, drawn from the tidy tables alone."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from fwp.datasets.card_reader import training_lengths
from fwp.report.figures.heatmap import heatmap
from fwp.report.figures.learning import learning_curves
from fwp.report.figures.length import accuracy_by_length
from fwp.report.figures.solved import solved_by
from fwp.report.figures.strip import strip
from fwp.report.figures.style import looks, save
from fwp.results.collect import Results
from fwp.results.summary import Summary


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
    style = looks(results.runs["model"].unique())
    cells = None if summary is None else summary.cells
    save(heatmap(results.accuracy, missing, cells), folder / "heatmap")
    save(accuracy_by_length(results.accuracy, training, style), folder / "length")
    save(learning_curves(results.history, results.runs, style), folder / "learning")
    save(strip(results.accuracy, style), folder / "strip")
    for x in ("epochs", "strings", "seconds"):
        figure = solved_by(results.history, results.runs, style, x)
        save(figure, folder / f"solved-{x}")
