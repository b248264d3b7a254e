"""A sliding window for models that were trained without one, to read texts of any length.

Attention over all of a long text has a cache that grows with it, and meets distances that it was
not trained on. With a window of the training context's length neither is so.
"""

import copy
import functools
from collections.abc import Iterator
from typing import TypeVar

from torch import nn

from fwp.models.pack import Pack

Model = TypeVar("Model", nn.Module, Pack)


def windowed(model: Model, window: int) -> Model:
    """A model, or a pack, with a sliding window in all of its attention; both share their weights.

    A mixer has a window if it has an attribute of that name: the number of symbols that a symbol
    sees, or None for all. One that has a smaller window keeps it; other mixers stay as they are.

    Args:
        model: what is left as it was.
        window: how many symbols a symbol is to see at most, itself included.

    Raises:
        ValueError: the window holds no symbol.
    """
    if window < 1:
        raise ValueError(f"window must be at least 1, got {window}")
    if isinstance(model, Pack):
        return model.changed(functools.partial(windowed, window=window))
    shared = {id(x): x for x in (*model.parameters(), *model.buffers())}
    model = copy.deepcopy(model, shared)
    for module in _attention(model):
        module.window = window if module.window is None else min(module.window, window)
    return model


def window_of(model: nn.Module | Pack) -> int | None:
    """The largest window among a model's attention; None if there is no attention, or no window."""
    program = model.program if isinstance(model, Pack) else model
    windows = [module.window for module in _attention(program)]
    return None if None in windows else max(windows, default=None)


def _attention(model: nn.Module) -> Iterator:
    for module in model.modules():
        own = getattr(module, "window", 0.0)
        if own is None or type(own) is int:
            yield module
