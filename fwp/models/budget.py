"""How large models are, and the largest width within a budget, so that equal sizes are compared.

Models are built on PyTorch's device "meta", which computes shapes alone.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import torch
from torch import nn
from torch.utils import _pytree as trees

from fwp.config.settings import ModelSettings
from fwp.models.sequence_model import SequenceModel

WIDEST = 65536  # as the schema has it
UNITS = {"parameters": "parameters", "state": "numbers in its state"}


class Size(NamedTuple):
    """Trained numbers, and numbers that the state of one string holds; None if it grows."""

    parameters: int
    state: int | None


def size(settings: ModelSettings, vocabulary: int, classes: int) -> Size:
    """How large a model is.

    Args:
        vocabulary: number of input symbols.
        classes: number of target classes.
    """
    parameters = _built(settings, vocabulary, classes).parameter_count
    return Size(parameters, _state(settings, vocabulary, classes))


def state_size(model: nn.Module) -> int | None:
    """Numbers that the state of one string holds; None if it grows with the string.

    Args:
        model: maps tokens [B, T] to (outputs, state).
    """
    short, long = (_held(model, length) for length in (1, 3))
    return short if short == long else None


def solve_width(
    settings: ModelSettings, budget: Mapping[str, int], vocabulary: int, classes: int
) -> int:
    """The largest width, a multiple of the heads, whose model is within a budget.

    Args:
        settings: of the model; `hidden` plays no part.
        budget: {"parameters": n} or {"state": n}: at most n of them.
        vocabulary, classes: as of `size`.

    Raises:
        ValueError: no width is within the budget, or the state grows with the string.
    """
    ((kind, most),) = budget.items()
    given = settings.as_dict() | {"name": "", "hidden": 1}
    heads = int(settings.options.get("heads", 1))
    width = _solved(json.dumps(given, sort_keys=True), heads, kind, most, vocabulary, classes)
    if not width:
        least = _measured(replace(settings, hidden=heads), kind, vocabulary, classes)
        raise ValueError(
            f"search.budget.{kind}: {settings.name} has {least} {UNITS[kind]} at its smallest "
            f"width, {heads}, with {settings.layers} layer{'s' * (settings.layers > 1)}; "
            f"got {most}"
        )
    return width


@cache
def _solved(given: str, heads: int, kind: str, most: int, vocabulary: int, classes: int) -> int:
    """The width; 0 if none is within the budget."""
    settings = ModelSettings.from_dict(json.loads(given))

    def fits(n: int) -> bool:
        wide = replace(settings, hidden=n * heads)
        return _measured(wide, kind, vocabulary, classes) <= most

    low, high = 0, 1  # multiples of the heads: `low` fits, `high` does not
    while high * heads <= WIDEST and fits(high):
        low, high = high, 2 * high
    high = min(high, WIDEST // heads + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low * heads


def _measured(settings: ModelSettings, kind: str, vocabulary: int, classes: int) -> int:
    if kind == "parameters":
        return _built(settings, vocabulary, classes).parameter_count
    found = _state(settings, vocabulary, classes)
    if found is None:
        raise ValueError(
            f"search.budget.state: the state of {settings.mixer} grows with the string; "
            "allowed: a budget of parameters"
        )
    return found


def _state(settings: ModelSettings, vocabulary: int, classes: int) -> int | None:
    try:
        return state_size(_built(settings, vocabulary, classes))
    except (RuntimeError, NotImplementedError, ValueError):  # it looks at numbers, or needs a GPU
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return state_size(_built(settings, vocabulary, classes, device))


def _built(
    settings: ModelSettings, vocabulary: int, classes: int, device: str = "meta"
) -> SequenceModel:
    with torch.device(device):
        return SequenceModel(vocabulary, classes, settings)


def _held(model: nn.Module, length: int) -> int:
    """Numbers in the state after one string."""
    device = next(model.parameters()).device
    with torch.no_grad():
        _, state = model(torch.zeros(1, length, dtype=torch.int64, device=device))
    tensors = [leaf for leaf in trees.tree_leaves(state) if isinstance(leaf, torch.Tensor)]
    return sum(tensor.numel() for tensor in tensors)
