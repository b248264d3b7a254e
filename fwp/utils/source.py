"""Source files of modules, found and parsed without importing them.

Importing a model means importing PyTorch, which takes seconds and is not wanted while a workflow is
planned. What has to be known about a module is read from its syntax tree instead.
"""

import ast
import importlib.util
import sys
from collections.abc import Sequence
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def find(module: str, folders: Sequence[str | Path] = ()) -> Path | None:
    """The source file of `module`, or None if there is none; nothing is imported.

    Args:
        module: dotted name.
        folders: looked into first, before Python's own search path.
    """
    names = module.split(".")
    if names[0] == PACKAGE.name:
        return _below(PACKAGE, names[1:])
    spec = _top(names[0], [str(folder) for folder in folders])
    for i in range(1, len(names)):
        if spec is None or spec.submodule_search_locations is None:
            return None
        name = ".".join(names[: i + 1])
        spec = PathFinder.find_spec(name, list(spec.submodule_search_locations))
    if spec is None or not spec.has_location or not spec.origin or not spec.origin.endswith(".py"):
        return None
    return Path(spec.origin)


def is_file(path: Path) -> bool:
    """Whether there is such a file; not if the system allows no such name either."""
    try:
        return path.is_file()
    except OSError:
        return False


def _below(folder: Path, names: list[str]) -> Path | None:
    path = folder.joinpath(*names)
    candidates = (path.with_name(path.name + ".py"), path / "__init__.py")
    return next((file for file in candidates[not names :] if is_file(file)), None)


def _top(name: str, folders: list[str]) -> ModuleSpec | None:
    if not name.isidentifier():
        return None
    spec = PathFinder.find_spec(name, folders) if folders else None
    if spec is not None and spec.has_location:
        return spec
    try:
        return importlib.util.find_spec(name)  # of a top-level name: imports nothing
    except (ImportError, ValueError):
        return None


def parse(path: Path) -> ast.Module:
    """The syntax tree of a file, parsed once as long as the file stays as it is.

    Raises:
        SyntaxError: with the file's name.
    """
    status = path.stat()
    return _parse(path, status.st_mtime_ns, status.st_size)


@cache
def _parse(path: Path, _mtime: int, _size: int) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except ValueError as error:  # null bytes, not UTF-8
        raise SyntaxError(str(error), (str(path), None, None, None)) from None


def is_standard(module: str) -> bool:
    """Whether a module belongs to Python itself."""
    return module.partition(".")[0] in sys.stdlib_module_names
