"""What decided the results of each cell, and what they were made with, as tidy frames."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from fwp.results.integrity import MissingFile, read_sealed
from fwp.results.record import machine, read_record

NAMES = ("task", "model")
CODE = {"train": "code.train", "evaluate": "code.evaluate"}
MADE = (
    *CODE.values(),
    *("data.train", "data.test", "machine", "device", "python", "torch", "numpy", "fwp", "commit"),
)
"""Columns of `provenance` behind task, model and seeds."""


def settings(cells: Iterable[str | Path]) -> pd.DataFrame:
    """One row per model × task: every resolved setting is a column, as searches name them.

    Width, layers and the mixer's options have their own names (hidden, heads, …), those of training
    begin with `training.`, those of the task with `task.`. A setting that a model lacks is missing.
    `parameters` is the number of trained weights.

    Args:
        cells: folders of cells, which end in task/model/group.

    Raises:
        ResultsError: a cell.json is missing or damaged.
    """
    rows: dict[tuple[str, str], dict] = {}
    for folder in cells:
        record = read_record(Path(folder) / "cell.json")
        names = {key: record[key] for key in NAMES}
        if tuple(names.values()) not in rows:
            own = dict(flat(record["config"])) | {"parameters": record["parameters"]}
            rows[tuple(names.values())] = names | own
    found = list(rows.values())
    columns = sorted(dict.fromkeys(key for row in found for key in row), key=_place)
    frame = pd.DataFrame({key: _typed([row.get(key) for row in found]) for key in columns})
    return _named(frame)


def provenance(cells: Iterable[str | Path]) -> pd.DataFrame:
    """One row per cell folder: task, model, seeds, and `MADE`.

    That is fingerprints of the code, SHA-256 of the training and test data, machine, versions, and
    the commit of the code (empty where it was not under git).

    Raises:
        ResultsError: a cell.json is missing or damaged.
    """
    rows = []
    for folder in map(Path, cells):
        record, evaluation = read_record(folder / "cell.json"), _evaluation(folder)
        codes = record["config"].get("code", {}) | evaluation.get("config", {}).get("code", {})
        versions, facts = record.get("versions", {}), record.get("machine", {})
        rows.append(
            {key: record[key] for key in NAMES}
            | {"seeds": tuple(record["seeds"])}
            | {column: codes.get(stage) for stage, column in CODE.items()}
            | {"data.train": record.get("dataset"), "data.test": evaluation.get("dataset")}
            | {"machine": machine(record), "device": record["device"]}
            | {name: versions.get(name) for name in ("python", "torch", "numpy")}
            | {name: facts.get(name) for name in ("fwp", "commit")}
        )
    return _named(pd.DataFrame(rows, columns=[*NAMES, "seeds", *MADE]))


def flat(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The settings of a record's `config` by their dotted names; lists are tuples."""
    for key, value in config["model"].items():
        if key == "options":
            yield from ((name, _plain(own)) for name, own in value.items())
        elif key != "name":
            yield key, _plain(value)
    task = dict(config.get("task", {}))
    yield from ((f"task.{key}", _plain(own)) for key, own in task.pop("params", {}).items())
    yield from ((f"task.{key}", _plain(own)) for key, own in task.items() if key != "name")
    yield from ((f"training.{key}", _plain(own)) for key, own in config["training"].items())


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_plain, value))
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def _place(column: str) -> int:
    """Names first, then models, their size, tasks and training."""
    if column in NAMES:
        return NAMES.index(column)
    parts = ("parameters", "task.", "training.")
    return next((3 + i for i, part in enumerate(parts) if column.startswith(part)), 2)


def _typed(values: list) -> pd.Series:
    """A column of whole numbers, numbers or truth values, of which some may be missing, or others.

    pandas alone would turn the first into numbers with a point, and the last into objects.
    """
    kinds = {type(value) for value in values if value is not None}
    types = {frozenset({bool}): "boolean", frozenset({int}): "Int64"}
    numbers = {int, float}
    kind = types.get(frozenset(kinds)) or ("float64" if kinds and kinds <= numbers else "object")
    return pd.Series(values, dtype=kind)


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    for name in NAMES:
        frame[name] = pd.Categorical(frame[name], frame[name].unique(), ordered=True)
    return frame


def _evaluation(folder: Path) -> dict:
    try:
        return read_sealed(folder / "evaluation.json")
    except MissingFile:
        return {}
