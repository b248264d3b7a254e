"""What a mixer can be configured with and says of itself, read from its source.

The keyword-only parameters of the class's `__init__` are its options in the config. Of functions
and classes that `fwp.mixers._adapt` makes a mixer, these are all parameters but the first.
"""

import ast
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fwp import mixers
from fwp.mixers import _shape
from fwp.mixers._bases import family
from fwp.mixers._facts import Facts, read_facts
from fwp.mixers._option import Option, read_option
from fwp.utils import source
from fwp.utils.suggest import suggestion


class SignatureError(ValueError):
    """A mixer that does not exist or cannot be understood; the message says what is allowed."""


ADAPTER = f"{mixers.__name__}._adapt"


@dataclass(frozen=True)
class Signature:
    """A mixer: where it is and what it takes.

    Attributes:
        module: dotted name of its module.
        cls: name of its class, or of the function that builds it.
        options: by name.
        facts: what it says of itself.
        adapted: whether it is no mixer by itself, and `fwp.mixers._adapt` makes one of it.
        beside: further modules that its results depend on.
    """

    module: str
    cls: str
    options: dict[str, Option]
    facts: Facts
    adapted: bool = False
    beside: tuple[str, ...] = ()

    @property
    def modules(self) -> tuple[str, ...]:
        """All modules that its results depend on, beside those that they import."""
        return (self.module, *self.beside)

    def name(self, mixer: str) -> str:
        """The name by which a job loads the mixer that is called `mixer` in the config."""
        return f"{ADAPTER}:{mixer}" if self.adapted else mixer


def read_signature(name: str, folders: Sequence[str | Path] = ()) -> Signature:
    """The signature of a built-in mixer, of "module:Class" or of "fla.Class".

    Args:
        name: as in the config, or as `Signature.name` has it.
        folders: where modules of the user's own are looked for first.

    Raises:
        SignatureError: there is no such mixer, or its source cannot be understood.
    """
    name = name.removeprefix(f"{ADAPTER}:")
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
        if (function := _factory(tree, cls)) is not None:
            return _of_function(module, cls, *function)
        raise SignatureError(
            f"names a class that {path.name} does not define; it defines "
            f"{', '.join(classes) or 'no class'}{suggestion(cls, classes)}"
        )
    try:
        own = family(path, module, cls, folders)
    except SyntaxError as error:
        raise SignatureError(
            f"names a class with a base in a file that is not valid Python: line {error.lineno} "
            f"of {error.filename}: {error.msg}"
        ) from None
    plain = _shape.is_plain(tree, own)
    if (fault := _shape.fault(tree, own, plain=plain)) is not None:
        raise SignatureError(fault)
    facts = read_facts(own)
    options = _options(own, positional=plain)
    if plain:
        options.pop(next(iter(options), ""), None)
    return Signature(module, cls, options, facts, plain, (ADAPTER,) if plain else ())


def _factory(tree: ast.Module, name: str) -> tuple[ast.arguments, bool] | None:
    """What a function of a file takes, and whether `name` is the function itself.

    Otherwise it is what `fwp.adapt` makes of one: `name = fwp.adapt(function)`.
    """
    functions = {n.name: n.args for n in tree.body if isinstance(n, ast.FunctionDef)}
    if name in functions:
        return functions[name], True
    for node in reversed(tree.body):
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                break
    else:
        return None
    match value:
        case ast.Lambda(args=taken):
            return taken, True
        case ast.Call(func=ast.Name(id="adapt") | ast.Attribute(attr="adapt"), args=[given, *_]):
            match given:
                case ast.Lambda(args=taken):
                    return taken, False
                case ast.Name(id=of) if of in functions:
                    return functions[of], False
            return ast.parse("lambda width: 0", mode="eval").body.args, False  # pyright: ignore
    return None


def _of_function(module: str, name: str, taken: ast.arguments, itself: bool) -> Signature:
    pairs = _by_name(taken, 0)
    if not pairs or next(iter(pairs.values()))[2]:
        raise SignatureError(
            f"names a function {name}({ast.unparse(taken)}); what builds a module must take its "
            "width first: def build(width, *, option=default, ...)"
        )
    _, *options = (read_option(argument, default) for argument, default, _ in pairs.values())
    own = {option.name: option for option in options}
    return Signature(module, name, own, Facts(), itself, (ADAPTER,))


def signature_of(kind: type) -> Signature:
    """The signature of a class that is at hand, as in a notebook."""
    adapted = any(base.__module__ == ADAPTER for base in kind.__mro__)
    build: Callable = getattr(kind, "make") if adapted else kind  # noqa: B009 - not every class
    try:
        _, *taken = inspect.signature(build).parameters.values()
    except (TypeError, ValueError):  # not written in Python, or takes nothing
        taken = []
    wanted = (inspect.Parameter.KEYWORD_ONLY, *[inspect.Parameter.POSITIONAL_OR_KEYWORD] * adapted)
    options = {
        p.name: Option(p.name, default=p.default, required=p.default is p.empty, known=True)
        for p in taken
        if p.kind in wanted
    }
    return Signature(kind.__module__, kind.__qualname__, options, Facts())


def layers(folders: Sequence[str | Path] = ()) -> dict[str, str]:
    """The layers of flash-linear-attention, and the module of each; nothing is imported.

    Raises:
        SignatureError: the package is not installed.
    """
    package = source.find("fla.layers", folders)
    if package is None:
        raise SignatureError(
            "names a layer of the package flash-linear-attention, which is not installed; "
            "pip install 'fwp-lab[fla]' installs it"
        )
    return {
        alias.name: f"fla.layers.{node.module}"
        for node in source.parse(package).body
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }


def _fla(layer: str, folders: Sequence[str | Path]) -> Signature:
    """A layer of flash-linear-attention; the code that counts is ours, whatever its version."""
    modules = layers(folders)
    if layer not in modules:
        raise SignatureError(
            f"names a layer that flash-linear-attention does not have; it has "
            f"{', '.join(modules)}{suggestion(layer, modules)}"
        )
    path = source.find(modules[layer], folders)
    if path is None:
        raise SignatureError(f"names a layer whose source cannot be found: {modules[layer]}")
    classes = family(path, modules[layer], layer, folders)
    if "past_key_values" not in _arguments(classes, "forward"):
        raise SignatureError(
            "names a layer that keeps no state, without which strings cannot be read piece by piece"
        )
    options = _options(classes, positional=True)
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


def _options(classes: Sequence[ast.ClassDef], *, positional: bool = False) -> dict[str, Option]:
    """Keyword-only parameters of `__init__`; if `positional`, also the others, without self."""
    pairs = _arguments(classes, "__init__").values()
    return {
        argument.arg: read_option(argument, default)
        for argument, default, by_name in pairs
        if by_name or positional
    }


def _arguments(
    classes: Sequence[ast.ClassDef], method: str
) -> dict[str, tuple[ast.arg, ast.expr | None, bool]]:
    """Parameters of a method without self, their defaults, and whether they are keyword-only.

    The method is that of the first class that has it.
    """
    for node in classes:
        for item in node.body:
            if isinstance(item, ast.FunctionDef) and item.name == method:
                return _by_name(item.args, 1)
    return {}


def _by_name(found: ast.arguments, first: int) -> dict[str, tuple[ast.arg, ast.expr | None, bool]]:
    """Parameters from place `first` on, as `_arguments` has them."""
    own = [*found.posonlyargs, *found.args][first:]
    given = found.defaults[max(0, len(found.defaults) - len(own)) :]
    defaults = [*[None] * (len(own) - len(given)), *given]
    return {
        argument.arg: (argument, default, by_name)
        for arguments, values, by_name in (
            (own, defaults, False),
            (found.kwonlyargs, found.kw_defaults, True),
        )
        for argument, default in zip(arguments, values, strict=True)
    }
