"""How large models are, and the largest sizes within a budget, so that equal ones are compared.

Models are built on PyTorch's device "meta", which computes shapes alone.
"""

import inspect
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import torch
from torch import nn
from torch.utils import _pytree as trees

from fwp import mixers
from fwp.config.settings import ModelSettings
from fwp.models.sequence_model import SequenceModel

WIDEST = 65536  # as the schema has it
NEAR = 0.01  # of the budget, what an even width may leave unused
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
    heads = _heads(settings)
    width = _solved(json.dumps(given, sort_keys=True), heads, kind, most, vocabulary, classes)
    if not width:
        least = _measured(replace(settings, hidden=heads), kind, vocabulary, classes)
        place = kind if settings.parameters is not None else f"search.budget.{kind}"
        raise ValueError(
            f"{place}: {settings.name} has {least} {UNITS[kind]} at its smallest "
            f"width, {heads}, with {settings.layers} layer{'s' * (settings.layers > 1)}; "
            f"got {most}"
        )
    return width


def solve_size(settings: ModelSettings, vocabulary: int, classes: int) -> ModelSettings:
    """The model with `hidden` and `feed_forward` solved from `parameters`; itself if it has none.

    The width comes first, by the factor `share`, and then the inner width evens out what is left.
    So the size is at most `parameters` and within 1 % of it. A model without feed-forward part has
    the width alone. Widths of heads and inner widths are multiples of 8, 4 or 2 where that is
    possible: kernels are faster then.

    Args:
        settings: of the model; `hidden` and `feed_forward` play no part if `parameters` is given.
        vocabulary, classes: as of `size`.

    Raises:
        ValueError: no width is within the budget.
    """
    most = settings.parameters
    if most is None:
        return settings
    given = replace(settings, hidden=1, feed_forward=settings.share)
    largest = solve_width(given, {"parameters": most}, vocabulary, classes)
    heads = _heads(settings)

    def count(width: int, factor: float) -> int:
        wide = replace(given, hidden=width, feed_forward=factor)
        return _built(wide, vocabulary, classes).parameter_count

    if not given.feed_forward or count(heads, 2) == count(heads, 1):  # no feed-forward part
        multiples = (largest // (heads * n) * (heads * n) for n in (8, 4, 2))
        near = (w for w in multiples if w and count(w, given.feed_forward) >= (1 - NEAR) * most)
        return replace(given, hidden=next(near, largest))
    step = heads * next(n for n in (8, 4, 2, 1) if n == 1 or largest >= 4 * n * heads)
    found = []
    for width in (largest // step * step, largest // step * step + step):
        least = count(width, 1 / width)  # with one inner unit
        unit = count(width, 2 / width) - least
        units = 1 + (most - least) // unit
        if units < 1:
            continue
        multiples = (units // n * n for n in (8, 4, 2))
        near = (u for u in multiples if u and least + (u - 1) * unit >= (1 - NEAR) * most)
        factor = _factor(next(near, units), width)
        found.append((abs(math.log(factor / given.feed_forward)), width, factor))
    _, width, factor = min(found)
    return replace(given, hidden=width, feed_forward=factor)


def _factor(units: int, width: int) -> float:
    """The shortest factor that gives so many inner units."""
    shorter = (round(units / width, digits) for digits in range(17))
    return next(factor for factor in shorter if round(factor * width) == units)


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


def _heads(settings: ModelSettings) -> int:
    """What the width is a multiple of; where no heads are given, as many as the mixer has."""
    known = inspect.signature(mixers.get(settings.mixer)).parameters.get("heads")
    usual = 1 if known is None or known.default is known.empty else known.default
    return int(settings.options.get("heads", usual))


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
