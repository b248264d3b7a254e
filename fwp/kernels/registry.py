"""Finds ops by looking into a room, `fwp.ops` or `fwp.nn`: there is no list to edit.

An op is a file of the room, or a folder with an `__init__.py`, that declares the op of its name.
"""

import re
from importlib import import_module
from pathlib import Path
from typing import Any


def names(room: Path) -> list[str]:
    """Names of all ops in the folder `room`, sorted; imports nothing."""
    found = {path.stem: path for path in room.glob("*.py")}
    found |= {path.parent.name: path for path in room.glob("*/__init__.py")}
    return sorted(name for name, path in found.items() if _declares(path, name))


def get(package: str, room: Path, name: str) -> Any:
    """The op `name` (`fwp.kernels.op.Op`); imports its module and no other.

    Raises:
        ValueError: there is no such op.
    """
    if name not in names(room):
        raise ValueError(f"no op is called {name!r}; there are {', '.join(names(room))}")
    return getattr(import_module(f"{package}.{name}"), name)


def _declares(path: Path, name: str) -> bool:
    text = path.read_text(encoding="utf-8")
    return re.search(rf"^@op\([^@]*^def {name}\(", text, re.M) is not None
