"""Finished cells: their records, compared with the plan, and the tables beside them."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fwp.results import frames
from fwp.results.chosen import opened
from fwp.results.frames import RUNS, Schema
from fwp.results.integrity import ResultsError, check_file, damaged
from fwp.results.record import (
    TRAINED,
    machine,
    may_be_left_behind,
    read_evaluation,
    read_record,
    settings_digest,
)


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


class Cells:
    """The records of finished cells.

    Args:
        cells: the cells' folders, in the order in which models and tasks shall appear. Of a
            `Wanted` folder only some seeds are kept, and what it holds is compared.

    Attributes:
        folders, records: of each cell.
        chosen: the seeds that are kept of each.

    Raises:
        ResultsError: there are none, or a record is missing, malformed or of another cell.
    """

    def __init__(self, cells: Iterable[str | Path | Wanted]):
        cells = list(cells)
        if not cells:
            raise ResultsError("no cells to collect: the experiment has no model × task left")
        self.folders = [cell.folder if isinstance(cell, Wanted) else Path(cell) for cell in cells]
        self.records = [read_record(folder / "cell.json") for folder in self.folders]
        self.chosen = [record["seeds"] for record in self.records]
        for i, (cell, record) in enumerate(zip(cells, self.records, strict=True)):
            if isinstance(cell, Wanted):
                cell.check(record)
                self.chosen[i] = cell.seeds

    def runs(
        self,
        schema: Schema = RUNS,
        more: Callable[[dict], dict[str, Any]] | None = None,
    ) -> pd.DataFrame:
        """The table of runs; `more` says what a record tells of each run beside the `RUNS`.

        Raises:
            ResultsError: a run is in two of the cells.
        """
        rows = [
            row | (more(record) if more else {})
            for folder, record, seeds in zip(self.folders, self.records, self.chosen, strict=True)
            for row in _rows(record, folder)
            if row["seed"] in seeds
        ]
        runs = frames.finish(pd.DataFrame(rows, columns=list(schema)), schema)
        repeated = runs[runs.duplicated(["task", "model", "seed"])]
        if len(repeated):
            row = repeated.iloc[0]
            raise ResultsError(
                f"{row.cell}: seed {row.seed} of {row.model} on {row.task} is in two of the cells "
                "given"
            )
        return runs

    def table(self, name: str, schema: Schema) -> pd.DataFrame:
        """A CSV file of every cell, joined; of the chosen seeds alone.

        Raises:
            ResultsError: a file is missing, truncated, malformed or of another cell.
        """
        paths, records, chosen = [f / name for f in self.folders], self.records, self.chosen
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
            if len(odd) and not ("epoch" in schema and fault == "lacks"):
                file, seed = odd.tolist()[0]
                raise damaged(
                    paths[file],
                    f"{fault} seed {seed}, while cell.json beside it is for seeds "
                    f"{records[file]['seeds']}",
                )
        if all(len(c) == len(r["seeds"]) for c, r in zip(chosen, records, strict=True)):
            return frame
        pairs = pd.MultiIndex.from_tuples(
            [(i, seed) for i, own in enumerate(chosen) for seed in own]
        )
        kept = pd.MultiIndex.from_arrays([origin, frame["seed"]]).isin(pairs)
        return frames.finish(frame[kept].reset_index(drop=True), schema)

    def check_evaluated(self) -> None:
        """Refuse cells without accuracies: ResultsError."""
        for folder in self.folders:
            if not (path := folder / "accuracy.csv").exists() and not path.is_symlink():
                raise ResultsError(
                    f"{path}: the file is missing; if another `snakemake` works on these results, "
                    "it evaluates this cell again: run this one again when the other is done"
                )

    def check_files(self) -> list[dict]:
        """Refuse files that are not what training and evaluation wrote: ResultsError.

        Last, since what is wrong within a table tells more. The weights of thousands of cells are
        not read for this; whatever loads them compares their hash. They may be missing, as tables
        do not need them.

        Returns:
            What evaluation.json says, of every cell.
        """
        for cell, record in zip(self.folders, self.records, strict=True):
            for name in TRAINED:
                if not may_be_left_behind(cell / name):
                    whole = name.endswith(".csv")
                    check_file(cell / name, record, cell / "cell.json", whole=whole)
        return [read_evaluation(cell / "evaluation.json") for cell in self.folders]


def compare_status(measured: pd.DataFrame, runs: pd.DataFrame) -> None:
    """Refuse accuracies of other weights than those of the record: ResultsError."""
    keys = ["task", "model", "seed"]
    found = measured[[*keys, "status"]].drop_duplicates()
    pairs = found.astype(str).merge(runs.astype(str), on=keys, suffixes=("", "_of_run"))
    wrong = pairs[pairs["status"] != pairs["status_of_run"]]
    if len(wrong):
        row = wrong.iloc[0]
        raise ResultsError(
            f"{row.cell}: accuracy.csv says that seed {row.seed} is {row.status}, cell.json that "
            f"it is {row.status_of_run}: they are not of the same training"
        )


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
