"""Layers that blocks and mixers are made of, each with its kernels beside it.

Those that are ops (see `fwp.kernels.op`) are a folder with a function of its name.
"""

from pathlib import Path
from typing import Any

from fwp.kernels import registry

ROOM = Path(__file__).parent


def names() -> list[str]:
    """Names of all layers that are ops, sorted."""
    return registry.names(ROOM)


def get(name: str) -> Any:
    """The op `name` (`fwp.kernels.op.Op`); imports that op's module only.

    Raises:
        ValueError: there is no such op.
    """
    return registry.get(__name__, ROOM, name)
