"""Sequence mixers, one per file, found by the file's name and loaded when asked for.

A mixer is an `nn.Module` with

    __init__(self, hidden, *, option=default, ...)
    forward(self, x, state=None) -> (y, state)      x and y [batch, time, hidden]

Its state is None or a tuple of tensors whose first axis is the batch, and calling it on two halves
of a sequence with the state carried over equals calling it once on the whole. The class attribute
`wiring` names the block (see `fwp.models.block`) around it, unless the config says otherwise.
Further class attributes, which may be missing, say how it is shown (see `fwp.mixers._facts`).
A file `fwp/mixers/foo.py` that ends in `MIXER = Foo` is the mixer `foo`; a class elsewhere is named
`package.module:Class`, and a layer of the package flash-linear-attention `fla.Class` (see
`fwp.mixers._fla`).
"""

import importlib
from pathlib import Path

from fwp.utils.suggest import suggestion


def names() -> list[str]:
    """Names of the built-in mixers, sorted; nothing is imported."""
    return sorted(f.stem for f in Path(__file__).parent.glob("*.py") if f.stem[0] != "_")


def get(name: str) -> type:
    """The class of the built-in mixer `name`, of `module:Class` or of `fla.Class`.

    Raises:
        ValueError: there is no such mixer.
    """
    module, _, attribute = name.partition(":")
    if attribute:
        try:
            return getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise ValueError(f"mixer {name!r} cannot be loaded: {error}") from error
    if name.startswith("fla."):
        return importlib.import_module(f"{__name__}._fla").layer(name.removeprefix("fla."))
    if name not in names():
        rule = f"must be one of {', '.join(names())}, 'module:Class' or 'fla.Class'"
        raise ValueError(f"mixer {rule}{suggestion(name, names())}, got {name!r}")
    return importlib.import_module(f"{__name__}.{name}").MIXER
