"""The record that a trained cell leaves, cell.json: reading it with every mistake named."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

STATUSES = ("solved", "budget", "diverged")


class ResultsError(ValueError):
    """A record that is missing, truncated or not what it should be; the message names the file."""


def read_record(path: str | Path) -> dict:
    """Read a cell.json.

    Raises:
        ResultsError: it is missing, truncated or not the record of a cell.
    """
    try:
        record = json.loads(Path(path).read_bytes())
        record["config"]["model"]["mixer"]
        for key in ("task", "model", "seeds", "parameters", "device"):
            record[key]
        for run in record["runs"]:
            for key in ("seed", "status", "epochs", "best_epoch", "selection", "seconds"):
                run[key]
    except FileNotFoundError:
        raise ResultsError(f"{path}: the file is missing; has this cell been trained?") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise ResultsError(f"{path}: not JSON, perhaps cut short ({error})") from None
    except KeyError as error:
        raise ResultsError(f"{path}: not the record of a cell: no {error.args[0]!r}") from None
    except TypeError:
        raise ResultsError(f"{path}: not the record of a cell") from None
    seeds = [run["seed"] for run in record["runs"]]
    if sorted(seeds) != sorted(record["seeds"]) or len(set(seeds)) != len(seeds):
        raise ResultsError(f"{path}: has runs of seeds {seeds}, but is for seeds {record['seeds']}")
    for run in record["runs"]:
        if run["status"] not in STATUSES:
            raise ResultsError(f"{path}: a status is {one_of(STATUSES)}; got {run['status']!r}")
    return record


def read_json(path: str | Path) -> dict | None:
    """The object in a JSON file; None where there is none, or no whole one."""
    try:
        value = json.loads(Path(path).read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def settings_digest(config: Mapping) -> str:
    """Short name of the settings of a cell: equal for equal ones, whatever the code.

    Args:
        config: of a record, or a cell as a plain dict.
    """
    settings = {key: config.get(key) for key in ("model", "task", "training")}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def one_of(values: Sequence[str]) -> str:
    """("a", "b", "c") → "a, b or c"."""
    return " or ".join([", ".join(values[:-1]), values[-1]])
