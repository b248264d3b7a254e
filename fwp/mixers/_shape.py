"""Whether a class can be a mixer, as far as its source tells without importing it."""

import ast
import builtins
from collections.abc import Sequence

FORWARD = "forward(self, x, state=None)"
INIT = "__init__(self, hidden, *, option=default, ...)"


def fault(tree: ast.Module, family: Sequence[ast.ClassDef]) -> str | None:
    """Why a class is no mixer, or None if nothing speaks against it.

    What lies in other files, or behind a decorator, is left to `fwp.mixers.require_class`.

    Args:
        tree: the file.
        family: the class, and those of its bases that the file defines.
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
    return _of_method(visible, "forward", FORWARD, 2, known) or _of_method(
        visible, "__init__", INIT, 1, known
    )


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
