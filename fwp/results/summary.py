"""What the tidy tables amount to, computed once: the summary, pairwise tests and training costs.

The workflow's stage `summarise` writes them; tables, figures and report read them.
"""

from functools import cached_property
from pathlib import Path

import pandas as pd

from fwp.results import pairwise, statistics, training_cost
from fwp.results.collect import Results
from fwp.results.integrity import check_sum, damaged
from fwp.utils.files import write_frame

FILES = ("summary.csv", "comparison.csv", "compute.csv")
NAMES = ("task", "model", "bin", "first", "second", "verdict")  # text, even if it reads NA
WHOLE = ("generalisation_worst", "generalisation_best", "tested_length")


class Summary:
    """Statements about models on tasks.

    Attributes:
        cells: `fwp.results.statistics.summarise`, a row per task × model × bin.
        pairs: `fwp.results.pairwise.compare`, a row per task × bin × pair of models.
        compute: `fwp.results.training_cost.medians`, a row per task × model.
    """

    def __init__(self, cells: pd.DataFrame, pairs: pd.DataFrame, compute: pd.DataFrame):
        self.cells, self.pairs, self.compute = cells, pairs, compute

    @cached_property
    def bins(self) -> list[dict[str, str]]:
        """Which bins of the tasks belong side by side: `fwp.results.statistics.bins`."""
        rows = self.cells[["bin_index", "task", "bin"]].drop_duplicates()
        return [
            dict(zip(own["task"], own["bin"], strict=True)) for _, own in rows.groupby("bin_index")
        ]


def summarise(results: Results) -> Summary:
    """Compute everything."""
    return Summary(
        statistics.summarise(results.accuracy),
        pairwise.compare(results.accuracy),
        training_cost.medians(training_cost.cost_per_run(results.history, results.runs)),
    )


def write_summary(summary: Summary, folder: str | Path) -> None:
    """Write summary.csv, comparison.csv and compute.csv into `folder`."""
    frames = (summary.cells, summary.pairs, summary.compute)
    for name, frame in zip(FILES, frames, strict=True):
        write_frame(Path(folder) / name, frame)


def read_summary(folder: str | Path) -> Summary:
    """Read what `write_summary` wrote.

    Raises:
        ResultsError: a file is missing, malformed or not what was written.
    """
    cells, pairs, compute = (_read(Path(folder) / name) for name in FILES)
    cells = cells.astype(dict.fromkeys(WHOLE, "Int64"))
    return Summary(cells, pairs, compute)


def _read(path: Path) -> pd.DataFrame:
    check_sum(path)
    try:
        columns = pd.read_csv(path, nrows=0).columns
        frame = pd.read_csv(
            path,
            dtype={name: str for name in NAMES if name in columns},
            keep_default_na=False,
            na_values={name: [""] for name in columns if name not in NAMES},
        )
    except ValueError as error:
        raise damaged(path, str(error)) from None
    for name in ("task", "model"):
        if name in frame:
            frame[name] = pd.Categorical(frame[name], frame[name].unique(), ordered=True)
    return frame
