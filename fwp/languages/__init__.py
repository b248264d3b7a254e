"""Formal languages, found by name.

A language is a subclass of `fwp.languages.base.Language` with a class attribute `name = "..."`, in
any file of this folder. The names are read from the source text: nothing is imported before `get`
is called, and then only the file that defines the language. So a change to one family concerns the
datasets of that family alone. A class elsewhere is named "my_module:MyLanguage", as mixers are.
"""

import ast
import importlib
import inspect
from functools import cache
from pathlib import Path

from fwp.languages.base import Language
from fwp.utils import source
from fwp.utils.suggest import suggestion

__all__ = ["Language", "find", "get", "module", "names"]


def names() -> list[str]:
    """Names of all languages, sorted."""
    return sorted(_index())


def module(name: str) -> str:
    """Dotted name of the module that defines language `name`, such as "fwp.languages.dyck"."""
    if ":" in name:
        return name.partition(":")[0]
    return _find(name)[0]


def find(name: str) -> type[Language]:
    """The class of the language `name`; ValueError if there is no such language."""
    if ":" in name:
        from fwp.languages import _own

        try:
            return _own.load(name)
        except _own.OwnLanguageError as error:
            raise ValueError(f"language {name!r} {error}") from error
    module_name, class_name = _find(name)
    return getattr(importlib.import_module(module_name), class_name)


def get(name: str, **params) -> Language:
    """Return the language `name`; `params` are the keyword arguments of its class.

    ValueError, saying what is allowed, for an unknown language or parameter or a bad value.
    """
    language = find(name)
    allowed = {
        key: parameter
        for key, parameter in inspect.signature(language).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    required = {key for key, parameter in allowed.items() if parameter.default is parameter.empty}
    known = "takes no parameters"
    if allowed:
        known = "allowed: " + ", ".join(str(parameter) for parameter in allowed.values())
    for key in params:
        if key not in allowed:
            raise ValueError(
                f"language {name!r} has no parameter {key!r}{suggestion(key, allowed)}; {known}"
            )
    if missing := sorted(required - params.keys()):
        raise ValueError(f"language {name!r} needs the parameter {missing[0]!r}; {known}")
    made = language(**params)
    made.check()
    return made


def _find(name: str) -> tuple[str, str]:
    index = _index()
    if name not in index:
        raise ValueError(
            f"unknown language {name!r}{suggestion(name, index)}; known: {', '.join(names())}, and "
            "a class of your own, 'my_module:MyLanguage'"
        )
    return index[name]


@cache
def _index() -> dict[str, tuple[str, str]]:
    """Map each language's name to (module, class), by parsing the files of this folder."""
    index: dict[str, tuple[str, str]] = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        for node in _parsed(path).body:
            if not isinstance(node, ast.ClassDef) or (name := _declared_name(node)) is None:
                continue
            place = (f"{__name__}.{path.stem}", node.name)
            if name in index:
                raise ValueError(
                    f"two languages are called {name!r}: "
                    f"{'.'.join(index[name])} and {'.'.join(place)}; names are unique"
                )
            index[name] = place
    return index


def _parsed(path: Path) -> ast.Module:
    try:
        return source.parse(path)
    except SyntaxError as error:
        place = f"line {error.lineno} of " * bool(error.lineno)
        raise ValueError(f"{place}{path.name} is not valid Python: {error.msg}") from None


def _declared_name(node: ast.ClassDef) -> str | None:
    """The string that a class definition assigns to `name` in its body, if it does."""
    for statement in node.body:
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        else:
            continue
        is_name = any(isinstance(target, ast.Name) and target.id == "name" for target in targets)
        if is_name and isinstance(statement.value, ast.Constant):
            return str(statement.value.value)
    return None
