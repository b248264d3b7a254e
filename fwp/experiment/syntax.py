"""What a source file says: a hash of its syntax, and the names that it imports.

To read all files of the package takes longer than to plan a small grid. So what was found is kept
between processes, beside the compiled kernels, under a hash of the file's contents.
"""

import ast
import functools
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fwp.kernels import c_cache
from fwp.utils import source
from fwp.utils.files import write_json

SHOWN = ("title", "latex", "state_names", "state_grows", "look")
"""Class attributes of mixers and languages that results do not depend on; collected by name."""

KEPT = 5000
"""Files whose syntax is kept, the latest ones."""


class Syntax(NamedTuple):
    """What a source file says."""

    hash: str
    """SHA-256 of its syntax, without comments, docstrings and layout."""
    imports: list[str]
    """Names that may be modules in all import statements, inside functions too; none of C."""


def read_syntax(file: Path, name: str) -> Syntax:
    """What a file says, from what is kept if it was read before.

    Args:
        file: of Python, C or CUDA.
        name: of the module, dotted: what relative imports are relative to.

    Raises:
        SyntaxError: with the file's name.
    """
    status = file.stat()
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    return _read(file, package, status.st_mtime_ns, status.st_size)


@functools.cache
def _read(file: Path, package: str, _mtime: int, _size: int) -> Syntax:
    content = file.read_bytes()
    head = f"{_version()} {package} {file.suffix}\n"
    key = hashlib.sha256(head.encode() + content).hexdigest()
    kept = _kept()
    if key not in kept:
        kept[key] = _parsed(file, package)._asdict()
        _UNSAVED.add(key)
    return Syntax(**kept[key])


_UNSAVED: set[str] = set()


@functools.cache
def _version() -> str:
    """What else decides the syntax that is found: Python's parser, and this file."""
    own = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return f"{sys.version_info.major}.{sys.version_info.minor} {own}"


@functools.cache
def _kept() -> dict[str, dict]:
    try:
        return _load(c_cache.trusted(c_cache.cache_folder()) / "syntax.json")
    except (OSError, RuntimeError, c_cache.Untrusted):
        return {}


def _load(path: Path) -> dict[str, dict]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {key: Syntax(**value)._asdict() for key, value in kept.items()}
    except (OSError, ValueError, TypeError, AttributeError):  # none yet, or damaged
        return {}


def save() -> None:
    """Keep what was read since the last call. A folder that cannot be used keeps nothing."""
    if not _UNSAVED:
        return
    new = {key: _kept()[key] for key in _UNSAVED}
    _UNSAVED.clear()
    try:
        path = c_cache.trusted(c_cache.cache_folder()) / "syntax.json"
        every = list((_load(path) | new).items())  # others may have written meanwhile
        write_json(path, dict(every[-KEPT:]), flush=False)
    except (OSError, RuntimeError, c_cache.Untrusted):
        return


def _parsed(file: Path, package: str) -> Syntax:
    if file.suffix != ".py":
        text, imports = plain_c(file.read_text(encoding="utf-8")), []
    else:
        tree = source.parse(file)
        text, imports = "".join(_tokens(tree)), _imports(tree, package)
    return Syntax(hashlib.sha256(text.encode()).hexdigest(), imports)


def _imports(tree: ast.Module, package: str) -> list[str]:
    imported = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                around = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*around, *([base] if base else [])])
            imported.append(base)
            imported += [f"{base}.{alias.name}" for alias in node.names]  # may be a submodule
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = getattr(node.func, "attr", getattr(node.func, "id", None))
            if called == "import_module" and isinstance(node.args[0].value, str):
                imported.append(node.args[0].value)
    return imported


def _tokens(node: object) -> Iterator[str]:
    """A syntax tree as text, without what has no effect.

    Not `ast.dump`: empty fields that newer versions of Python add must not change the text.
    """
    if isinstance(node, ast.AST):
        yield f"{type(node).__name__}("
        for field, value in ast.iter_fields(node):
            if field in ("ctx", "type_comment", "kind", "type_ignores"):
                continue
            if isinstance(value, list):
                value = [item for item in value if not _idle(item)]
            if isinstance(node, ast.ClassDef) and field == "body":
                value = [item for item in value if not _shown(item)]
            if value is None or value == []:
                continue
            yield f"{field}="
            yield from _tokens(value)
        yield ")"
    elif isinstance(node, list):
        for item in node:
            yield from _tokens(item)
            yield ","
    else:
        yield repr(node)


def _idle(node: object) -> bool:
    """Whether a statement changes no result: a string by itself, `pass`, the package's version."""
    match node:
        case ast.Assign(targets=[ast.Name(id="__version__" | "__all__")]):
            return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return isinstance(node.value.value, str)
    return isinstance(node, ast.Pass)


def _shown(statement: ast.stmt) -> bool:
    """Whether a statement of a class says how tables and figures show it: see `SHOWN`."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant() | ast.Tuple()):
            return name in SHOWN
    return False


C_TOKEN = re.compile(
    r"""(?P<comment>//(?:\\\n|[^\n])*|/\*.*?\*/)"""
    r"""|(?P<literal>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')"""
    r"""|(?P<join>\\\n)|(?P<newline>\n)|(?P<blank>[ \t\r\f\v]+)|(?P<token>\w+|.)""",
    re.S,
)


def plain_c(text: str) -> str:
    """C source without comments and layout: tokens apart, preprocessor lines kept whole."""
    lines: list[list[str]] = [[]]
    for match in C_TOKEN.finditer(text):
        if match.lastgroup in ("token", "literal"):
            lines[-1].append(match.group())
        elif match.lastgroup == "newline":
            lines.append([])
    parts = []
    for line in filter(None, lines):
        directive = line[0] == "#"
        parts.append(("\n" if directive else "") + " ".join(line) + ("\n" if directive else ""))
    return " ".join(parts)
