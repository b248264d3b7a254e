"""What a search has chosen, and the cells that wait for it.

A cell here is the plain dict of a `fwp.experiment.cell.Cell` or `TrainedCell`. Which settings a
search chooses is known before it runs, and their values after it. So a planned cell holds `OPEN` in
their places. That makes the plan of a run independent of how far the search is.
"""

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fwp.results.integrity import ResultsError, damaged, read_sealed, write_sealed

OPEN = "chosen by search"
"""In place of the value of a setting that the search chooses."""

LEFT_OUT = {
    "dropout": "layers",
    "next_symbols": "learning_rate",
    "language_modelling": "learning_rate",
}
"""Settings that a cell leaves out if they are 0, each with one that stands beside it."""


def part_of(cell: Mapping[str, Any], key: str) -> tuple[tuple[str, ...], str]:
    """Where in a cell a setting stands: the keys of the mapping that holds it, and its own.

    Args:
        cell: of whatever values.
        key: dotted as in a space: training.learning_rate, hidden, or an option of the mixer.
    """
    first, dot, rest = key.partition(".")
    if dot:
        return (first,), rest
    own = key in cell["model"] or key in LEFT_OUT
    return (("model",), key) if own else (("model", "options"), key)


def opened(cell: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    """The cell with the settings `keys` left open; those that it lacks are left out."""
    return _with(cell, dict.fromkeys(keys, OPEN))


def settled(cell: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The cell with the settings of `chosen.json`, {dotted key: value}."""
    return _with(cell, settings)


def agrees(cell: object, wanted: object) -> bool:
    """Whether a cell equals another one in all that this one does not leave open."""
    if wanted == OPEN:
        return True
    if isinstance(wanted, Mapping):
        if not isinstance(cell, Mapping) or not cell.keys() <= wanted.keys():
            return False
        zero = {key for key in wanted.keys() - cell.keys() if wanted[key] == OPEN}
        return (
            zero == wanted.keys() - cell.keys()
            and zero <= LEFT_OUT.keys()
            and all(agrees(value, wanted[key]) for key, value in cell.items())
        )
    return cell == wanted


def filled(wanted: Mapping[str, Any], cell: Mapping[str, Any]) -> dict[str, Any]:
    """The cell `wanted`, with what it leaves open taken from another one."""
    return {
        key: cell.get(key)
        if value == OPEN
        else filled(value, cell[key])
        if isinstance(value, Mapping) and isinstance(cell.get(key), Mapping)
        else value
        for key, value in wanted.items()
        if value != OPEN or key in cell or key not in LEFT_OUT
    }


def write_chosen(path: str | Path, task: str, model: str, settings: Mapping[str, Any]) -> None:
    """Write what was chosen, unless the file says so already.

    Args:
        settings: {dotted key: value}.
    """
    record = {"task": task, "model": model, "settings": dict(settings)}
    with contextlib.suppress(ResultsError):
        if read_sealed(path) == record:
            return  # so that nothing that was made of it looks outdated
    write_sealed(path, record)


def read_chosen(path: str | Path) -> dict[str, Any]:
    """The chosen settings, {dotted key: value}.

    Raises:
        ResultsError: the file is missing, damaged or of something else.
    """
    record = read_sealed(path)
    if not isinstance(record.get("settings"), dict):
        raise damaged(path, "does not hold the settings that a search chose")
    return record["settings"]


def _with(cell: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(cell)
    for key, value in settings.items():
        place, name = part_of(cell, key)
        part = result
        for step in place:
            part[step] = dict(part[step])
            part = part[step]
        if name in LEFT_OUT and not value:
            part.pop(name, None)
        elif name in part or LEFT_OUT.get(name) in part:
            part[name] = value
    return result
