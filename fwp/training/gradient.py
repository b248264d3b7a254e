"""Which code computes the gradient of a training step; loaded by name.

So an edit of one way to compute it retrains the cells that use it, and no others.
"""

import importlib
from types import ModuleType

from fwp.config.settings import AUXILIARY, TrainingSettings

GRADIENTS = ("bptt", "rtrl", "tbptt")
"""Ways to compute gradients: modules of this folder."""

FURTHER = "auxiliary"
"""The module of losses beside that of the task."""


def load_gradient(name: str) -> ModuleType:
    """The module of a gradient; it has `check(model)` and `gradients(pack, …)`.

    Raises:
        ValueError: there is no such gradient.
    """
    if name not in GRADIENTS:
        raise ValueError(f"gradient must be one of {', '.join(GRADIENTS)}, got {name!r}")
    return importlib.import_module(f"fwp.training.{name}")


def load_auxiliary(settings: TrainingSettings) -> ModuleType | None:
    """The module of losses beside that of the task, if one counts."""
    if not any(getattr(settings, name) for name in AUXILIARY):
        return None
    return importlib.import_module(f"fwp.training.{FURTHER}")
