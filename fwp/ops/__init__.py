"""Recurrences: how a fast-weight state is written and read, one per file, as pure functions.

Import an op from its own module, `from fwp.ops.delta_rule import delta_rule`, so that a model
depends on the recurrences it uses and on no other. Every file of this folder whose name does not
start with an underscore is an op: it holds a function of the file's name and its declaration `OP`
(see `fwp.kernels.op`). There is no list to edit; this module finds ops by looking into the folder.
"""

from importlib import import_module
from pathlib import Path


def names() -> list[str]:
    """Names of all ops, sorted."""
    folder = Path(__file__).parent
    found = {path.stem for path in folder.glob("*.py")}
    found |= {path.parent.name for path in folder.glob("*/__init__.py")}
    return sorted(name for name in found if not name.startswith("_"))


def get(name: str):
    """The declaration (`fwp.kernels.op.Op`) of the op `name`; imports that op's module only."""
    if name not in names():
        raise ValueError(f"no op is called {name!r}; there are {', '.join(names())}")
    return import_module(f"{__name__}.{name}").OP
