"""How many numbers a model carries from one token to the next."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils import _pytree as trees


@torch.no_grad()
def numbers_in_state(
    model: Callable[..., Any], *, device: str = "cpu", full: int = 1
) -> int | None:
    """Numbers in the state of one string; None if it grows with the string.

    Args:
        model: maps tokens [1, T] to (outputs, state); a pack counts the states of all its models.
        device: of the tokens.
        full: tokens after which the state has all of its size, as the window of attention.
    """
    held = []
    for length in (full, full + 2):
        _, state = model(torch.zeros(1, length, dtype=torch.int64, device=device), None)
        tensors = [leaf for leaf in trees.tree_leaves(state) if isinstance(leaf, torch.Tensor)]
        held.append(sum(tensor.numel() for tensor in tensors))
    return held[0] if held[0] == held[1] else None
