"""Figures for papers and for the report, drawn from the tidy tables alone.

One figure per module; each function returns a matplotlib Figure, which `save` writes to disk.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from fwp.cards import training_lengths
from fwp.figures.heatmap import heatmap
from fwp.figures.learning import learning_curves
from fwp.figures.length import accuracy_by_length
from fwp.figures.strip import strip
from fwp.figures.style import Look, looks, save
from fwp.figures.survival import solved_by
from fwp.results import Results

__all__ = [
    "Look",
    "accuracy_by_length",
    "heatmap",
    "learning_curves",
    "looks",
    "save",
    "solved_by",
    "strip",
    "write",
]


def write(
    results: Results,
    folder: str | Path,
    cards: Iterable[str | Path] = (),
    missing: Sequence[dict] = (),
) -> None:
    """Draw every figure into `folder`, each as .svg, .pdf and .png.

    heatmap, length, strip, learning, and survival against epochs, strings and seconds.

    Args:
        cards: the dataset cards (JSON) of the tasks; they tell which lengths were trained on.
        missing: runs without results (`fwp.missing`).
    """
    folder, training = Path(folder), training_lengths(cards)
    style = looks(results.runs["model"].unique())
    save(heatmap(results.accuracy, missing), folder / "heatmap")
    save(accuracy_by_length(results.accuracy, training, style), folder / "length")
    save(learning_curves(results.history, results.runs, style), folder / "learning")
    save(strip(results.accuracy, style), folder / "strip")
    for x in ("epochs", "strings", "seconds"):
        figure = solved_by(results.history, results.runs, style, x)
        save(figure, folder / f"survival-{x}")
