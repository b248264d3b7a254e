"""The records of all cells, gathered into three tidy tables.

`accuracy`  one row per run × bin (`length` empty) and one per run × length (the bin it lies in);
`history`   one row per run × epoch, and per measurement within it (`training.validate_every`);
`runs`      one row per run (model × task × seed): how its training ended and what it cost.

Tables and figures read these and nothing else. Models and tasks stand in the order in which the
cells were given (that of the config). The columns are in `fwp.results.frames`.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from fwp.results import frames
from fwp.results.chosen import opened
from fwp.results.frames import ACCURACY, HISTORY, RUNS
from fwp.results.integrity import ResultsError, check_file, damaged
from fwp.results.record import TRAINED, machine, read_evaluation, read_record, settings_digest
from fwp.utils.files import write_frame

FILES = ("accuracy.csv", "history.csv", "runs.csv")


class Wanted(NamedTuple):
    """A folder of a cell, and what the experiment wants of it.

    Attributes:
        trained: the seeds that its job trains, all of them.
        seeds: those that are wanted here.
        settings: `settings_digest` of the config.
        searched: settings that a job finds out, by dotted key; the digest is without them.
    """

    folder: Path
    trained: list[int]
    seeds: list[int]
    settings: str
    searched: Sequence[str] = ()

    def check(self, record: dict) -> None:
        """Refuse the record of other seeds or settings: ResultsError."""
        again = f"delete the folder {self.folder} to train it again"
        if sorted(record["seeds"]) != sorted(self.trained):
            raise ResultsError(
                f"{self.folder}/cell.json: must be of the seeds {self.trained}, is of "
                f"{record['seeds']}; {again}"
            )
        if settings_digest(opened(record["config"], self.searched)) != self.settings:
            raise ResultsError(
                f"{self.folder}/cell.json: was trained with other settings than those of the "
                f"config; {again}"
            )


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
    cells = list(cells)
    if not cells:
        raise ResultsError("no cells to collect: the experiment has no model × task left")
    folders = [cell.folder if isinstance(cell, Wanted) else Path(cell) for cell in cells]
    records = [read_record(folder / "cell.json") for folder in folders]
    chosen = [record["seeds"] for record in records]
    for i, (cell, record) in enumerate(zip(cells, records, strict=True)):
        if isinstance(cell, Wanted):
            cell.check(record)
            chosen[i] = cell.seeds
    rows = [
        row
        for folder, record, seeds in zip(folders, records, chosen, strict=True)
        for row in _rows(record, folder)
        if row["seed"] in seeds
    ]
    runs = frames.finish(pd.DataFrame(rows, columns=list(RUNS)), RUNS)
    repeated = runs[runs.duplicated(["task", "model", "seed"])]
    if len(repeated):
        row = repeated.iloc[0]
        raise ResultsError(
            f"{row.cell}: seed {row.seed} of {row.model} on {row.task} is in two of the cells given"
        )
    for folder in folders:
        if not (path := folder / "accuracy.csv").exists() and not path.is_symlink():
            raise ResultsError(
                f"{path}: the file is missing; if another `snakemake` works on these results, it "
                "evaluates this cell again: run this one again when the other is done"
            )
    accuracy, history = (
        _collect_csv([folder / name for folder in folders], records, chosen, schema)
        for name, schema in (("accuracy.csv", ACCURACY), ("history.csv", HISTORY))
    )
    _compare_status(accuracy, runs)
    _check_files(folders, records)
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


# Single cells -------------------------------------------------------------------------------------


def _rows(record: dict, cell: Path) -> list[dict]:
    return [
        {
            "task": record["task"],
            "model": record["model"],
            **{key: run[key] for key in list(RUNS)[2:8]},
            "parameters": record["parameters"],
            "mixer": record["config"]["model"]["mixer"],
            "device": record["device"],
            "machine": machine(record),
            "cell": "/".join(cell.parts[-3:]),
        }
        for run in record["runs"]
    ]


def _collect_csv(
    paths: list[Path], records: list[dict], chosen: list[list[int]], schema: dict[str, str]
) -> pd.DataFrame:
    frame, origin = frames.parse(paths, schema)
    for column in ("task", "model"):
        expected = np.array([record[column] for record in records], dtype=object)[origin]
        wrong = np.flatnonzero(frame[column].to_numpy(dtype=object) != expected)
        if len(wrong):
            raise damaged(
                paths[origin[wrong[0]]],
                f"is of the {column} {frame[column].iloc[wrong[0]]!r}, "
                f"while cell.json beside it is of {expected[wrong[0]]!r}",
            )
    seeds = pd.MultiIndex.from_arrays([origin, frame["seed"]]).unique()
    expected = pd.MultiIndex.from_tuples(
        [(i, seed) for i, record in enumerate(records) for seed in record["seeds"]]
    )
    for found, wanted, fault in ((seeds, expected, "has rows of"), (expected, seeds, "lacks")):
        odd = found.difference(wanted)
        if len(odd) and not (schema is HISTORY and fault == "lacks"):
            file, seed = odd.tolist()[0]
            raise damaged(
                paths[file],
                f"{fault} seed {seed}, while cell.json beside it is for seeds "
                f"{records[file]['seeds']}",
            )
    if all(len(c) == len(r["seeds"]) for c, r in zip(chosen, records, strict=True)):
        return frame
    pairs = pd.MultiIndex.from_tuples([(i, seed) for i, own in enumerate(chosen) for seed in own])
    kept = pd.MultiIndex.from_arrays([origin, frame["seed"]]).isin(pairs)
    return frames.finish(frame[kept].reset_index(drop=True), schema)


def _check_files(cells: list[Path], records: list[dict]) -> None:
    """Refuse files that are not what training and evaluation wrote.

    Last, since what is wrong within a table tells more. The weights of thousands of cells are not
    read for this; whatever loads them compares their hash.
    """
    for cell, record in zip(cells, records, strict=True):
        for name in TRAINED:
            whole = name.endswith(".csv")
            check_file(cell / name, record, cell / "cell.json", whole=whole)
        read_evaluation(cell / "evaluation.json")


def _compare_status(accuracy: pd.DataFrame, runs: pd.DataFrame) -> None:
    """Refuse accuracies of other weights than those of the record."""
    keys = ["task", "model", "seed"]
    found = accuracy.loc[accuracy["length"].isna(), [*keys, "status"]].drop_duplicates()
    pairs = found.astype(str).merge(runs.astype(str), on=keys, suffixes=("", "_of_run"))
    wrong = pairs[pairs["status"] != pairs["status_of_run"]]
    if len(wrong):
        row = wrong.iloc[0]
        raise ResultsError(
            f"{row.cell}: accuracy.csv says that seed {row.seed} is {row.status}, cell.json that "
            f"it is {row.status_of_run}: they are not of the same training"
        )
