"""The records of cells of texts and translations, gathered into four tidy tables.

`text`         one row per run × range of positions of the test text;
`translation`  one row per run × decoding × bin of source lengths;
`history`      one row per run × measurement in the course of training, of both kinds;
`runs`         one row per run of both kinds: how its training ended and what it cost.

The columns are in `fwp.results.text_frames`. A table without rows has its header alone.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from fwp.results import frames
from fwp.results.cells import Cells, Wanted, compare_status
from fwp.results.frames import HISTORY
from fwp.results.integrity import ResultsError
from fwp.results.text_frames import TEXT, TEXT_HISTORY, TEXT_RUNS, TRANSLATION
from fwp.utils.files import write_frame

FILES = ("text.csv", "translation.csv", "text_history.csv", "text_runs.csv")
_SCHEMAS = (TEXT, TRANSLATION, TEXT_HISTORY, TEXT_RUNS)


class TextResults(NamedTuple):
    """The tidy tables of texts and translations."""

    text: pd.DataFrame
    translation: pd.DataFrame
    history: pd.DataFrame
    runs: pd.DataFrame


def collect_text(
    texts: Iterable[str | Path | Wanted], translations: Iterable[str | Path | Wanted] = ()
) -> TextResults:
    """Read the records of finished cells: cell.json, history.csv and accuracy.csv of each folder.

    Args:
        texts: the folders of cells of texts, in the order in which models and tasks shall appear;
            see `fwp.results.cells.Cells`.
        translations: those of translations.

    Raises:
        ResultsError: a file is missing, truncated, malformed, or belongs to another cell.
    """
    given = [(list(texts), TEXT), (list(translations), TRANSLATION)]
    if not any(cells for cells, _ in given):
        raise ResultsError("no cells to collect: the experiment has no model × text left")
    measured, histories, runs = [], [], []
    for cells, schema in given:
        if not cells:
            measured.append(frames.empty(schema))
            continue
        found = Cells(cells)
        own = found.runs(TEXT_RUNS, _more)
        found.check_evaluated()
        measured.append(found.table("accuracy.csv", schema))
        histories.append(_with_nats(found.table("history.csv", HISTORY)))
        compare_status(measured[-1], own)
        states = {
            "/".join(folder.parts[-3:]): record.get("state", 0)
            for folder, record in zip(found.folders, found.check_files(), strict=True)
        }
        runs.append(own.assign(state=own["cell"].map(states).astype("Int64")))
    text, translation = measured
    history, every = frames.joined(histories, TEXT_HISTORY), frames.joined(runs, TEXT_RUNS)
    return TextResults(text, translation, history, every)


def write_text_results(results: TextResults, folder: str | Path) -> None:
    """Write the `FILES` into `folder`."""
    for name, frame in zip(FILES, results, strict=True):
        write_frame(Path(folder) / name, frame)


def read_text_results(folder: str | Path) -> TextResults:
    """Read the tables that `write_text_results` wrote.

    Raises:
        ResultsError: a file is missing, truncated or malformed.
    """
    found = (
        frames.read(Path(folder) / name, schema)
        for name, schema in zip(FILES, _SCHEMAS, strict=True)
    )
    return TextResults(*found)


def read_text_runs(path: str | Path) -> pd.DataFrame:
    """Read text_runs.csv."""
    return frames.read(Path(path), TEXT_RUNS)


def _more(record: dict) -> dict[str, Any]:
    """What a table of runs tells beside that of strings; `state` is filled in later."""
    params = record["config"].get("task", {}).get("params", {})
    return {"state": None, "context": params.get("context") or 0}


def _with_nats(history: pd.DataFrame) -> pd.DataFrame:
    """The validation loss, of which a history holds exp(-nats); missing where a run diverged."""
    chances = history["selection"]
    nats = chances.where(chances > 0).map(math.log).abs()
    return frames.finish(history.assign(validation=nats), TEXT_HISTORY)
