"""Records: the results of an experiment, small enough for a repository.

A record is a folder with `tables/*.csv.gz`, and `cells.json.gz` with what the records of cells and
datasets say. Weights, strings and figures are left out. Opened, it is a folder of results like any
other, for `fwp.load_results`, `fwp.compare` and the explorer.
"""

import gzip
import json
import shutil
import tempfile
import weakref
from pathlib import Path

import numpy as np
import pandas as pd

from fwp.results import summary
from fwp.results.collect import read_results
from fwp.results.condensed import condensed
from fwp.results.integrity import (
    MissingFile,
    ResultsError,
    damaged,
    read_sealed,
    write_sealed,
    write_sums,
)
from fwp.utils.files import atomic

CELLS = "cells.json.gz"
"""The file by which a folder is known as a record."""

TABLES = (
    *("accuracy.csv", "history.csv", "runs.csv", "names.csv", "missing.csv"),
    *("summary.csv", "comparison.csv", "compute.csv", "atlas.csv"),
    *("claims.csv", "claims.json", "trials.csv", "search.csv"),
)
KEPT = ("cell.json", "evaluation.json")  # of each cell
MISTAKES = 2  # of each seed that a record keeps
MOST = 2**31  # bytes of an opened file: what claims to be larger is no record


def is_record(folder: str | Path) -> bool:
    """Whether a folder is a record."""
    return (Path(folder) / CELLS).is_file()


def write_record(results: str | Path, record: str | Path) -> list[Path]:
    """Write a record of the results in a folder; what was there before is replaced.

    Accuracies per length are condensed (`fwp.results.condensed`), and losses and seconds of
    histories have five digits. Every other number is that of the results.

    Returns:
        The files.

    Raises:
        ResultsError: a table or the record of a cell is missing or damaged.
    """
    results, record = Path(results), Path(record)
    accuracy, history, runs = read_results(results / "tables")
    for name in summary.FILES:  # which the page of a record is made of
        if not (results / "tables" / name).is_file():
            raise MissingFile(
                f"{results / 'tables' / name}: the file is missing; `snakemake summarise` makes it"
            )
    changed = {
        "accuracy.csv": condensed(accuracy),
        "history.csv": history.assign(**{c: _digits(history[c]) for c in ("loss", "seconds")}),
    }
    written = []
    for name in TABLES:
        path = results / "tables" / name
        if name in changed:
            data = changed[name].to_csv(index=False, lineterminator="\n").encode()
        elif path.exists():
            data = path.read_bytes()
        else:
            continue
        written.append(_pack(record / "tables" / f"{name}.gz", data))
    cells = {folder: _cell(results / "cells" / folder) for folder in runs["cell"].unique()}
    cards = {
        task: read_sealed(results / "data" / task / "card.json") for task in runs["task"].unique()
    }
    text = json.dumps({"cells": cells, "cards": cards}, ensure_ascii=False, sort_keys=True)
    return [*written, _pack(record / CELLS, text.encode())]


class OpenRecord:
    """A record as a folder of results, which is removed when nothing refers to this object.

    Attributes:
        folder: the results.

    Raises:
        ResultsError: a file is damaged.
    """

    def __init__(self, record: str | Path):
        self.folder = Path(tempfile.mkdtemp(prefix="fwp-record-"))
        self._removal = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        record, tables = Path(record), self.folder / "tables"
        tables.mkdir()
        for path in sorted((record / "tables").glob("*.gz")):
            (tables / path.stem).write_bytes(_unpack(path))
        write_sums(tables / "record.sha256", sorted(tables.iterdir()))
        try:
            held = json.loads(_unpack(record / CELLS))
            for name, files in held["cells"].items():
                for file in KEPT:
                    write_sealed(_within(self.folder / "cells", name) / file, files[file])
            for task, card in held["cards"].items():
                write_sealed(_within(self.folder / "data", task) / "card.json", card)
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            if isinstance(error, ResultsError):
                raise
            raise damaged(record / CELLS, f"not a record ({error!r})") from None


def _cell(folder: Path) -> dict[str, dict]:
    """What a record keeps of a cell: its two records, without hashes of files that are not kept."""
    cell, evaluation = (read_sealed(folder / name) for name in KEPT)
    for own in (cell, evaluation):
        own.pop("files", None)
    if "mistakes" in evaluation:
        shown = {seed: rows[:MISTAKES] for seed, rows in evaluation["mistakes"].items()}
        evaluation["mistakes"] = shown
    return dict(zip(KEPT, (cell, evaluation), strict=True))


def _within(folder: Path, name: str) -> Path:
    """A folder by a name in a record, which must not lead elsewhere."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"the name {name!r} leads out of the folder")
    path.mkdir(parents=True, exist_ok=True)
    return path


def _digits(values: pd.Series, count: int = 5) -> pd.Series:
    """Values with so many significant digits."""
    size = np.floor(np.log10(values.abs().where(values != 0, 1.0)))
    scale = 10.0 ** (count - 1 - size)
    return (values * scale).round() / scale


def _pack(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as temporary:
        temporary.write_bytes(gzip.compress(data, 9, mtime=0))
    return path


def _unpack(path: Path) -> bytes:
    try:
        with gzip.open(path) as file:
            data = file.read(MOST + 1)
    except (gzip.BadGzipFile, EOFError, OSError) as error:
        raise damaged(path, str(error)) from None
    if len(data) > MOST:
        raise damaged(path, "larger than any record")
    return data
