"""Finds ops by looking into a room, `fwp.ops` or `fwp.nn`: there is no list to edit.

An op is a file of the room, or a folder with an `__init__.py`, that declares the op of its name.
"""

import re
from importlib import import_module
from pathlib import Path
from typing import Any


class Room:
    """The ops of a package, by name.

    Args:
        package: its module name.
        file: its `__init__.py`.
    """

    def __init__(self, package: str, file: str):
        self.package, self.folder = package, Path(file).parent

    def names(self) -> list[str]:
        """Names of all ops, sorted; imports nothing."""
        found = {path.stem: path for path in self.folder.glob("*.py")}
        found |= {path.parent.name: path for path in self.folder.glob("*/__init__.py")}
        return sorted(name for name, path in found.items() if _declares(path, name))

    def get(self, name: str) -> Any:
        """The op `name` (`fwp.kernels.op.Op`); imports its module and no other.

        Raises:
            ValueError: there is no such op.
        """
        names = self.names()
        if name not in names:
            raise ValueError(f"no op is called {name!r}; there are {', '.join(names)}")
        return getattr(import_module(f"{self.package}.{name}"), name)


def _declares(path: Path, name: str) -> bool:
    text = path.read_text(encoding="utf-8")
    return re.search(rf"^@op\([^@]*^def {name}\(", text, re.M) is not None
