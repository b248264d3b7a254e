"""The records that a cell leaves, cell.json and evaluation.json: reading with mistakes named."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from fwp.results.integrity import (
    REMEDY,
    MissingFile,
    ResultsError,
    check_file,
    check_seal,
    damaged,
    facts,
    read_json,
    read_sealed,
)

STATUSES = ("solved", "budget", "diverged")
TRAINED = ("model.safetensors", "history.csv")
"""What training leaves beside cell.json."""


def read_record(path: str | Path) -> dict:
    """Read a cell.json.

    Raises:
        ResultsError: it is missing, damaged or not the record of a cell.
    """
    try:
        record = read_json(path)
    except MissingFile as error:
        raise MissingFile(f"{error}; has this cell been trained?") from None
    try:
        record["config"]["model"]["mixer"]
        for key in ("task", "model", "seeds", "parameters", "device"):
            record[key]
        for run in record["runs"]:
            for key in ("seed", "status", "epochs", "best_epoch", "selection", "seconds"):
                run[key]
        seeds = [run["seed"] for run in record["runs"]]
        differ = sorted(seeds) != sorted(record["seeds"]) or len(set(seeds)) != len(seeds)
    except KeyError as error:
        raise damaged(path, f"not the record of a cell: no {error.args[0]!r}") from None
    except TypeError:
        raise damaged(path, "not the record of a cell") from None
    if differ:
        raise damaged(path, f"has runs of seeds {seeds}, but is for seeds {record['seeds']}")
    for run in record["runs"]:
        if run["status"] not in STATUSES:
            raise damaged(path, f"a status is {one_of(STATUSES)}; got {run['status']!r}")
    return check_seal(path, record)


def weights_hash(record: dict) -> str:
    """SHA-256 of the weights file that a cell.json was written with."""
    return record["files"][TRAINED[0]]["sha256"]


def may_be_left_behind(path: Path) -> bool:
    """Whether a file that training left is missing, and tables do without: weights alone."""
    return path.name == TRAINED[0] and not path.exists() and not path.is_symlink()


def check_cell(path: str | Path, record: dict, cell: dict) -> None:
    """Refuse the record of another cell.

    Args:
        path: of the record, for the message.
        cell: what decides the weights, or a part of it, as a `fwp.experiment.cell.TrainedCell`.

    Raises:
        ResultsError: the record is of another model or task, or of other settings.
    """
    cell = json.loads(json.dumps(cell))
    for part in ("task", "model", "training"):
        held, wanted = record["config"].get(part, {}), cell[part]
        other = [key for key in wanted if key not in held or held[key] != wanted[key]]
        if other:
            key = other[0]
            raise damaged(
                path, f"is of {part} {key} {held.get(key)!r}, not of {key} {wanted[key]!r}"
            )


def read_evaluation(path: str | Path) -> dict:
    """Read an evaluation.json, and compare it with the cell.json and accuracy.csv beside it.

    Raises:
        ResultsError: one of the three is missing, damaged or of another training than the others.
    """
    path = Path(path)
    accuracy = path.with_name("accuracy.csv")
    try:
        record = read_sealed(path)
    except MissingFile as error:
        raise MissingFile(
            f"{error}; delete {accuracy.name} beside it, and the next `snakemake` evaluates again"
        ) from None
    check_file(accuracy, record, path)
    if facts(path.with_name("cell.json")) != record["files"].get("cell.json"):
        raise ResultsError(f"{accuracy}: is of another training than cell.json beside it; {REMEDY}")
    return record


def settings_digest(config: Mapping) -> str:
    """Short name of the settings of a cell: equal for equal ones, whatever the code.

    Args:
        config: of a record, or a cell as a plain dict.
    """
    settings = {key: config.get(key) for key in ("model", "task", "training")}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def machine(record: dict) -> str:
    """On what a cell was trained, in words: "AMD EPYC 7B13, AVX2, 1 thread", or a GPU's name."""
    facts = record.get("machine", {})
    if gpu := facts.get("gpu"):
        return gpu
    threads = facts.get("threads", 0)
    parts = [facts.get("cpu"), facts.get("instructions")]
    parts += [f"{threads} thread{'s' if threads != 1 else ''}"] if threads else []
    return ", ".join(filter(None, parts)) or record["device"]


def one_of(values: Sequence[str]) -> str:
    """("a", "b", "c") → "a, b or c"."""
    return " or ".join([", ".join(values[:-1]), values[-1]])
