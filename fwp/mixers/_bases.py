"""A class and its bases, read from the files that define them; nothing is imported."""

import ast
from collections.abc import Sequence
from pathlib import Path

from fwp.utils import source

BUILT_IN = Path(__file__).parent


def family(path: Path, module: str, name: str, folders: Sequence[str | Path]) -> list[ast.ClassDef]:
    """A class of a file and its bases, the nearest first.

    A base counts if the file defines it, or imports it by `from … import` from a file in its own
    folder or from a built-in mixer. Other bases are left out, such as those of PyTorch. So is what
    built-in mixers share, in files that begin with an underscore: it has parameters that are no
    options of every mixer.

    Args:
        path: the file.
        module: its dotted name.
        name: of the class; the file need not define it.
        folders: where modules of the user's own are looked for first.

    Raises:
        SyntaxError: a file is not valid Python.
    """
    found: list[ast.ClassDef] = []
    waiting, seen = [(path, module, name)], set()
    while waiting:
        path, module, name = waiting.pop(0)
        if (path, name) in seen:  # files may import from each other
            continue
        seen.add((path, name))
        tree = source.parse(path)
        node = next((n for n in reversed(tree.body) if _defines(n, name)), None)
        if isinstance(node, ast.ClassDef):
            found.append(node)
            bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
            waiting += [(path, module, base) for base in bases]
        elif isinstance(node, ast.ImportFrom):
            other = _absolute(node, module, path)
            file = source.find(other, folders)
            if file is not None and _counts(file, path):
                given = next(a.name for a in node.names if (a.asname or a.name) == name)
                waiting.append((file, other, given))
    return found


def _counts(base: Path, own: Path) -> bool:
    """Whether a file may say what the options of a mixer in another one are."""
    if base.parent == BUILT_IN:
        return not base.name.startswith("_")
    return base.parent == own.parent


def _defines(statement: ast.stmt, name: str) -> bool:
    """Whether a statement of a file makes `name` a class, or imports it."""
    if isinstance(statement, ast.ImportFrom):
        return any((alias.asname or alias.name) == name for alias in statement.names)
    return isinstance(statement, ast.ClassDef) and statement.name == name


def _absolute(node: ast.ImportFrom, module: str, path: Path) -> str:
    """The dotted name of the module that an import statement of a file is from."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    inside = len(parts) - node.level + (path.name == "__init__.py")
    return ".".join([*parts[:inside], *filter(None, [node.module])])
