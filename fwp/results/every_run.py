"""The runs of an experiment, whatever their tasks are about."""

from pathlib import Path

import pandas as pd

from fwp.results import frames
from fwp.results.collect import read_runs
from fwp.results.frames import RUNS
from fwp.results.text import read_text_runs


def read_every_run(folder: str | Path, *, strings: bool, texts: bool) -> pd.DataFrame:
    """The tables of runs in `folder`, joined, with the columns that all have.

    Args:
        strings, texts: whether there are runs of these.

    Raises:
        ResultsError: a table is missing, malformed or not what was written.
    """
    parts = [read_runs(Path(folder) / "runs.csv")] if strings else []
    parts += [read_text_runs(Path(folder) / "text_runs.csv")] if texts else []
    return frames.joined(parts, RUNS)
