"""Checking a config's files of strings: what can be said before any job starts.

Every function but `located` yields one line per mistake, as `fwp.experiment.validate` says.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fwp.experiment.resolve import resolved_dataset

LANGUAGES = ("params", "strings", "data")
"""Keys of a task that say which strings are drawn."""
PARTS = ("train", "validation", "test")


def files(config: dict) -> Iterator[str]:
    """Files that cannot be read, and keys that say nothing about files."""
    from fwp.datasets.files.check import check_files

    for task, entry in config["tasks"].items():
        if "files" not in entry:
            continue
        for key in LANGUAGES:
            if key in entry:
                yield f"tasks.{task}.{key}: is for languages alone; files holds what files need"
        if "count" in entry.get("evaluation", {}):
            yield f"tasks.{task}.evaluation.count: is for languages alone; all strings are measured"
        for fault in check_files(resolved_dataset(config, task)):
            yield f"tasks.{task}.{fault}"


def located(tasks: Mapping[str, Any], folders: Sequence[str]) -> dict[str, Any]:
    """Tasks whose paths lead to their files: from the current folder, or from one of `folders`."""
    return {name: _located(entry, folders) for name, entry in tasks.items()}


def _located(entry: Any, folders: Sequence[str]) -> Any:
    if not isinstance(entry, dict):
        return entry
    keys = {"files": PARTS}
    if entry.get("language") == "automaton":
        keys = {"params": ("file", "symbols")}
    for key, paths in keys.items():
        if isinstance(own := entry.get(key), dict):
            own = {k: _found(v, folders) if k in paths else v for k, v in own.items()}
            entry = entry | {key: own}
    return entry


def _found(given: Any, folders: Sequence[str]) -> Any:
    if isinstance(given, dict):
        return {name: _found(paths, folders) for name, paths in given.items()}
    if isinstance(given, list):
        return [_found(path, folders) for path in given]
    if not isinstance(given, str) or not given or _exists(Path(given)):
        return given
    beside = next((path for f in folders if _exists(path := Path(f, given))), None)
    return given if beside is None else os.path.relpath(beside)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long a name, or one with a null byte
        return False
