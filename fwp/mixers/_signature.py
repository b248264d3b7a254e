"""What a mixer can be configured with and says of itself, read from its source.

The keyword-only parameters of the class's `__init__` are its options in the config.
"""

import ast
import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fwp import mixers
from fwp.mixers import _shape
from fwp.mixers._facts import Facts, read_facts
from fwp.utils import source
from fwp.utils.suggest import suggestion


class SignatureError(ValueError):
    """A mixer that does not exist or cannot be understood; the message says what is allowed."""


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


@dataclass(frozen=True)
class Signature:
    """A mixer: where it is and what it takes.

    Attributes:
        module: dotted name of its module.
        cls: name of its class.
        options: by name.
        facts: what it says of itself.
    """

    module: str
    cls: str
    options: dict[str, Option]
    facts: Facts


def read_signature(name: str, folders: Sequence[str | Path] = ()) -> Signature:
    """The signature of a built-in mixer, of "module:Class" or of "fla.Class".

    Args:
        name: as in the config.
        folders: where modules of the user's own are looked for first.

    Raises:
        SignatureError: there is no such mixer, or its source cannot be understood.
    """
    module, colon, cls = name.partition(":")
    if name.startswith("fla.") and not colon:
        return _fla(name.removeprefix("fla."), folders)
    if not colon:
        if name not in mixers.names():
            raise SignatureError(
                f"must be one of {', '.join(mixers.names())}, 'module:Class' or 'fla.Class'"
                + suggestion(name, mixers.names())
            )
        module = f"{mixers.__name__}.{name}"
    path = source.find(module, folders)
    if path is None:
        raise SignatureError(
            "names a module that cannot be found; it is looked for beside the config, in the "
            "current folder and on Python's path"
        )
    try:
        tree = source.parse(path)
    except SyntaxError as error:
        raise SignatureError(
            f"names a module that is not valid Python: line {error.lineno} of {path.name}: "
            f"{error.msg}"
        ) from None
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    cls = cls if colon else _declared(tree, path)
    if cls not in classes:
        raise SignatureError(
            f"names a class that {path.name} does not define; it defines "
            f"{', '.join(classes) or 'no class'}{suggestion(cls, classes)}"
        )
    family = _with_bases(classes, cls)
    if (fault := _shape.fault(tree, family)) is not None:
        raise SignatureError(fault)
    facts = read_facts(family)
    return Signature(module, cls, _options(classes, cls), facts)


def _fla(layer: str, folders: Sequence[str | Path]) -> Signature:
    """A layer of flash-linear-attention; the code that counts is ours, whatever its version."""
    package = source.find("fla.layers", folders)
    if package is None:
        raise SignatureError(
            "names a layer of the package flash-linear-attention, which is not installed; "
            "pip install 'fwp-lab[fla]' installs it"
        )
    modules = {
        alias.name: f"fla.layers.{node.module}"
        for node in source.parse(package).body
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }
    if layer not in modules:
        raise SignatureError(
            f"names a layer that flash-linear-attention does not have; it has "
            f"{', '.join(modules)}{suggestion(layer, modules)}"
        )
    path = source.find(modules[layer], folders)
    if path is None:
        raise SignatureError(f"names a layer whose source cannot be found: {modules[layer]}")
    classes = {
        node.name: node for node in source.parse(path).body if isinstance(node, ast.ClassDef)
    }
    if "past_key_values" not in _arguments(classes, layer, "forward"):
        raise SignatureError(
            "names a layer that keeps no state, without which strings cannot be read piece by piece"
        )
    options = _options(classes, layer, positional=True)
    for ours in ("hidden_size", "layer_idx"):
        options.pop(ours, None)
    return Signature(f"{mixers.__name__}._fla", layer, options, Facts())


def _declared(tree: ast.Module, path: Path) -> str:
    """The class in the last `MIXER = Class`."""
    for node in reversed(tree.body):
        match node:
            case ast.Assign(targets=[ast.Name(id="MIXER")], value=ast.Name(id=name)):
                return name
    raise SignatureError(f"names a file that does not say MIXER = <its class>: {path.name}")


def _options(
    classes: dict[str, ast.ClassDef], name: str, *, positional: bool = False
) -> dict[str, Option]:
    """Keyword-only parameters of `__init__`; if `positional`, also the others, without self."""
    pairs = _arguments(classes, name, "__init__").values()
    return {
        argument.arg: _option(argument, default)
        for argument, default, by_name in pairs
        if by_name or positional
    }


def _arguments(
    classes: dict[str, ast.ClassDef], name: str, method: str
) -> dict[str, tuple[ast.arg, ast.expr | None, bool]]:
    """Parameters of a method without self, their defaults, and whether they are keyword-only.

    The method is the class's own or inherited within the file.
    """
    for node in _with_bases(classes, name):
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and item.name == method:
                found = item.args
                own = found.args[1:]
                defaults = [*[None] * (len(own) - len(found.defaults)), *found.defaults]
                return {
                    argument.arg: (argument, default, by_name)
                    for arguments, values, by_name in (
                        (own, defaults, False),
                        (found.kwonlyargs, found.kw_defaults, True),
                    )
                    for argument, default in zip(arguments, values, strict=True)
                }
    return {}


def _with_bases(classes: dict[str, ast.ClassDef], name: str) -> list[ast.ClassDef]:
    found, waiting = [], [name]
    while waiting:
        node = classes.get(waiting.pop(0))
        if node is not None and node not in found:
            found.append(node)
            waiting += [base.id for base in node.bases if isinstance(base, ast.Name)]
    return found


def _option(argument: ast.arg, default: ast.expr | None) -> Option:
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
