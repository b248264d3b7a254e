"""Options of a mixer: parameters by name, with the types and choices that their annotations allow.

Annotations are read from syntax trees; nothing is imported.
"""

import ast
import contextlib
import math
from dataclasses import dataclass

NAMES = {
    int: "an integer",
    float: "a number",
    bool: "true or false",
    str: "text",
    type(None): "null",
    list: "a list",
    dict: "a mapping",
}
SIMPLE = {"int": int, "float": float, "bool": bool, "str": str, "None": type(None)}


@dataclass(frozen=True)
class Option:
    """A keyword-only parameter.

    Attributes:
        types: Python types that the annotation allows; empty if it says nothing simple.
        choices: the values of a Literal[...]; empty otherwise.
        default: what it is if not given, if that is a literal.
        required: whether it has no default.
        known: whether the default is a literal, so that `default` holds it.
    """

    name: str
    types: tuple[type, ...] = ()
    choices: tuple = ()
    default: object = None
    required: bool = False
    known: bool = False

    def fault(self, value: object) -> str | None:
        """What `value` would have to be instead, or None if it is allowed."""
        if self.choices:
            allowed = [c for c in self.choices if type(c) is type(value) and c == value]
            return None if allowed else "must be one of " + ", ".join(map(repr, self.choices))
        if isinstance(value, float) and not math.isfinite(value):
            return "must be a finite number"
        if not self.types or type(value) in self.types:
            return None
        if float in self.types and type(value) is int:
            return None
        return "must be " + " or ".join(NAMES[kind] for kind in self.types)


def read_option(argument: ast.arg, default: ast.expr | None) -> Option:
    """The option that a parameter is."""
    types, choices = _allowed(argument.annotation)
    value, known = None, False
    if default is not None:
        with contextlib.suppress(ValueError):  # a computed default: the class knows it
            value, known = ast.literal_eval(default), True
    if isinstance(value, tuple):
        value = list(value)
    if known and value is None and types and type(None) not in types:
        types += (type(None),)
    return Option(argument.arg, types, choices, value, default is None, known)


def _allowed(annotation: ast.expr | None) -> tuple[tuple[type, ...], tuple]:
    """Types and choices that a simple annotation allows; both empty if it is not simple."""
    match annotation:
        case ast.Constant(value=None):
            return (type(None),), ()
        case ast.Name(id=name) if name in SIMPLE:
            return (SIMPLE[name],), ()
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            parts = [_allowed(left)[0], _allowed(right)[0]]
            return (parts[0] + parts[1], ()) if all(parts) else ((), ())
        case ast.Subscript(value=ast.Name(id="Literal"), slice=given):
            nodes = given.elts if isinstance(given, ast.Tuple) else [given]
            values = tuple(node.value for node in nodes if isinstance(node, ast.Constant))
            if len(values) == len(nodes):
                return (), values
    return (), ()
