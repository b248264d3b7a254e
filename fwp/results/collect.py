"""The records of all cells, gathered into three tidy tables.

`accuracy`  one row per run × bin (`length` empty) and one per run × length (the bin it lies in);
`history`   one row per run × epoch, and per measurement within it (`training.validate_every`);
`runs`      one row per run (model × task × seed): how its training ended and what it cost.

Tables and figures read these and nothing else. Models and tasks stand in the order in which the
cells were given (that of the config). The columns are in `fwp.results.frames`.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fwp.results import frames
from fwp.results.cells import Cells, Wanted, compare_status
from fwp.results.frames import ACCURACY, HISTORY, RUNS
from fwp.utils.files import write_frame

FILES = ("accuracy.csv", "history.csv", "runs.csv")


class Results(NamedTuple):
    """The three tidy tables of an experiment."""

    accuracy: pd.DataFrame
    history: pd.DataFrame
    runs: pd.DataFrame


def collect_results(cells: Iterable[str | Path | Wanted]) -> Results:
    """Read the records of finished cells: cell.json, history.csv and accuracy.csv of each folder.

    Args:
        cells: the cells' folders, in the order in which models and tasks shall appear. Of a
            `Wanted` folder only some seeds are kept, and what it holds is compared.

    Raises:
        ResultsError: a file is missing, truncated, malformed, or belongs to another cell.
    """
    found = Cells(cells)
    runs = found.runs()
    found.check_evaluated()
    accuracy, history = found.table("accuracy.csv", ACCURACY), found.table("history.csv", HISTORY)
    compare_status(accuracy[accuracy["length"].isna()], runs)
    found.check_files()
    return Results(accuracy, history, runs)


def write_results(results: Results, folder: str | Path) -> None:
    """Write accuracy.csv, history.csv and runs.csv into `folder`."""
    for name, frame in zip(FILES, results, strict=True):
        write_frame(Path(folder) / name, frame)


def read_results(folder: str | Path) -> Results:
    """Read the tables that `write` wrote.

    Raises:
        ResultsError: a file is missing, truncated or malformed.
    """
    folder = Path(folder)
    return Results(
        read_accuracy(folder / FILES[0]),
        read_history(folder / FILES[1]),
        read_runs(folder / FILES[2]),
    )


def read_accuracy(path: str | Path) -> pd.DataFrame:
    """Read the accuracy.csv of an experiment."""
    return frames.read(Path(path), ACCURACY)


def read_history(path: str | Path) -> pd.DataFrame:
    """Read the history.csv of an experiment."""
    return frames.read(Path(path), HISTORY)


def read_runs(path: str | Path) -> pd.DataFrame:
    """Read runs.csv."""
    return frames.read(Path(path), RUNS)
