"""Recurrences: how a fast-weight state is written and read, one per file, as pure functions.

Import an op from its own module, `from fwp.ops.delta_rule import delta_rule`, so that a model
depends on the recurrences it uses and on no other. An op is a function of its file's name, declared
from its reference (see `fwp.kernels.op`); one with kernels is a folder, with the kernels beside it.
"""

from pathlib import Path
from typing import Any

from fwp.kernels import registry

ROOM = Path(__file__).parent


def names() -> list[str]:
    """Names of all recurrences, sorted."""
    return registry.names(ROOM)


def get(name: str) -> Any:
    """The op `name` (`fwp.kernels.op.Op`); imports that op's module only.

    Raises:
        ValueError: there is no such op.
    """
    return registry.get(__name__, ROOM, name)
