"""Whether a class can be a mixer, as far as its source tells without importing it."""

import ast
import builtins
from collections.abc import Sequence

FORWARD = "forward(self, x, state=None)"
INIT = "__init__(self, hidden, *, option=default, ...)"


def fault(tree: ast.Module, family: Sequence[ast.ClassDef], *, plain: bool = False) -> str | None:
    """Why a class is no mixer, or None if nothing speaks against it.

    What lies in other files, or behind a decorator, is left to `fwp.mixers.require_class`.

    Args:
        tree: the file.
        family: the class, and those of its bases that the file defines.
        plain: whether the class is any module, which takes x alone and a width.
    """
    own, inside = family[0], {node.name for node in family}
    bound = _bound(tree)
    if own.decorator_list or own.name in bound:
        return None
    bases = [base for node in family for base in node.bases if _name(base) not in inside]
    if all(
        isinstance(b, ast.Name) and b.id not in bound and hasattr(builtins, b.id) for b in bases
    ):
        return "names a class that is no torch.nn.Module"
    known = all(_name(base) in ("Module", "nn.Module", "torch.nn.Module") for base in bases)
    visible = family if known else family[:1]
    return _of_method(visible, "forward", FORWARD, 1 if plain else 2, known) or _of_method(
        visible, "__init__", INIT, 1, known
    )


def is_plain(tree: ast.Module, family: Sequence[ast.ClassDef]) -> bool:
    """Whether a class takes x alone, or no second argument that is called `state`.

    Then it is no mixer by itself, and `fwp.mixers._adapt` makes one of it.
    """
    if family[0].decorator_list or family[0].name in _bound(tree):
        return False
    for node in family:
        for item in node.body:
            if "forward" in _assigned(item):
                return False
            if isinstance(item, ast.FunctionDef) and item.name == "forward":
                places = [*item.args.posonlyargs, *item.args.args]
                free = item.args.vararg is not None and len(places) < 3
                named = len(places) > 2 and places[2].arg == "state"
                return not (item.decorator_list or free or named)
    return False


def _of_method(
    classes: Sequence[ast.ClassDef], name: str, rule: str, count: int, known: bool
) -> str | None:
    """What is wrong with a method that is called with `count` positional arguments."""
    for node in classes:
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and item.name == name:
                required = name == "forward" and None in item.args.kw_defaults
                if item.decorator_list or (_takes(item.args, count) and not required):
                    return None
                given = f"{name}({ast.unparse(item.args)})"
                return f"names a class with {given}; a mixer must have {rule}"
            if name in _assigned(item):
                return None
    return f"names a class without a method {name}; a mixer must have {rule}" if known else None


def _takes(taken: ast.arguments, count: int) -> bool:
    """Whether a method can be called with self and `count` more."""
    places = [*taken.posonlyargs, *taken.args]
    enough = taken.vararg is not None or len(places) > count
    return enough and len(places) - len(taken.defaults) <= count + 1


def _bound(tree: ast.Module) -> set[str]:
    """Names that a file imports, or binds by an assignment, at any depth of its statements."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def _assigned(statement: ast.stmt) -> list[str]:
    """Names that a statement of a class assigns to."""
    return [name.id for name in getattr(statement, "targets", []) if isinstance(name, ast.Name)]


def _name(base: ast.expr) -> str:
    """A base as it is written."""
    return ast.unparse(base)
