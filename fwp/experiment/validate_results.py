"""Checking a config's results folder: one of its own, that command lines and systems take.

Every function yields one line per mistake, as `fwp.experiment.validate` says.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from fwp.config.messages import show
from fwp.utils.source import PACKAGE

TAKEN = (".git", ".github", ".snakemake", "docs", "envs", "fwp", "profiles", "tests", "workflow")
MOST_BYTES = 200  # of a name; systems allow 255, and files beside it have longer ones


def results(folder: str) -> Iterator[str]:
    """What keeps `folder` from being the folder of everything that is generated."""
    rule = _rule(folder)
    if rule is not None:
        yield f"results: {rule}, got {show(folder)}"


def _rule(folder: str) -> str | None:
    if folder.startswith("~"):
        return "must not begin with ~; write the whole path, such as /home/name/results"
    if folder.startswith("-"):
        return "must not begin with -, as options of commands do; write ./ before it"
    if "://" in folder:
        return "must be a folder, not an address on the network"
    if folder != folder.strip():
        return "must not begin or end with a space"
    if any(len(os.fsencode(part)) > MOST_BYTES for part in folder.split("/")):
        return f"must consist of names of at most {MOST_BYTES} bytes"
    here = Path().absolute()
    target = Path(os.path.normpath(here / folder))
    if here.is_relative_to(target):
        return "must be a folder of its own, not the current one or one that holds it"
    for base in (here, PACKAGE.parent):
        for name in TAKEN:
            if target.is_relative_to(base / name) and (base / name).exists():
                return f"must be a folder of its own, not within {name}"
    for path in (target, *target.parents):
        if os.path.lexists(path) and not path.is_dir():
            return f"must be a folder, {show(os.path.relpath(path))} is a file"
    return None
