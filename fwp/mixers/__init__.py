"""Sequence mixers, one per file, found by the file's name and loaded when asked for.

A mixer is an `nn.Module` with

    __init__(self, hidden, *, option=default, ...)
    forward(self, x, state=None) -> (y, state)      x and y [batch, time, hidden]

Its state is all that it remembers: a tuple of tensors whose first axis is the batch. Calling it on
two halves of a sequence with the state carried over equals calling it once on the whole. A mixer
that returns None as its state has none, and strings are read whole. An output depends only on
the symbols so far. `fwp.models.contract` refuses a mixer that breaks these rules.

The class attribute `wiring` names the block (see `fwp.models.block`) around it, unless the config
says otherwise. `rounding` says by what share of the largest output two ways of reading may differ,
where that is more than usual: with products in half precision, say. `initial_options` names options
that decide the initial weights and nothing else: models that differ in them can share a pack.
Further class attributes, which may be missing, say how it is shown (see `fwp.mixers._facts`).
A file `fwp/mixers/foo.py` that ends in `MIXER = Foo` is the mixer `foo`; a class elsewhere is named
`package.module:Class`, and a layer of the package flash-linear-attention `fla.Class` (see
`fwp.mixers._fla`).
"""

import importlib
import inspect
from pathlib import Path

from fwp.utils.suggest import suggestion


class MixerError(ValueError):
    """A mixer that does not exist, or is not what a model needs; the message says the rule."""


def names() -> list[str]:
    """Names of the built-in mixers, sorted; nothing is imported."""
    return sorted(f.stem for f in Path(__file__).parent.glob("*.py") if f.stem[0] != "_")


def get(name: str) -> type:
    """The class of the built-in mixer `name`, of `module:Class` or of `fla.Class`.

    Raises:
        MixerError: there is no such mixer, or the class is none.
        ValueError: there is no such layer of flash-linear-attention.
    """
    module, _, attribute = name.partition(":")
    if attribute:
        try:
            found = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise MixerError(f"mixer {name!r} cannot be loaded: {error}") from error
        require_class(found, name)
        return found
    if name.startswith("fla."):
        return importlib.import_module(f"{__name__}._fla").layer(name.removeprefix("fla."))
    if name not in names():
        rule = f"must be one of {', '.join(names())}, 'module:Class' or 'fla.Class'"
        raise MixerError(f"mixer {rule}{suggestion(name, names())}, got {name!r}")
    return importlib.import_module(f"{__name__}.{name}").MIXER


def require_class(kind: object, name: str) -> None:
    """MixerError unless `kind` is a class of modules whose forward takes x and a state.

    Most classes have been checked by their source before (`fwp.mixers._shape`). What that cannot
    see is seen here: bases in other files, decorators, names that are no classes.
    """
    from torch import nn  # here, so that names can be listed without PyTorch

    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise MixerError(f"mixer {name!r} must name a class of torch.nn.Module, got {kind!r}")
    if kind.forward is nn.Module.forward:
        raise MixerError(f"mixer {name!r} must have a method forward(self, x, state=None)")
    try:
        taken = inspect.signature(kind.forward, follow_wrapped=False)
    except (TypeError, ValueError):  # not written in Python
        return
    try:
        taken.bind(None, None, None)  # self, x, state
    except TypeError:
        raise MixerError(
            f"mixer {name!r} must have a method forward(self, x, state=None), got forward{taken}"
        ) from None
