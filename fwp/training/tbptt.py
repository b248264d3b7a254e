"""Truncated back-propagation through time: gradients that reach back a bounded number of steps.

A string is read in pieces of `truncation` symbols. The state goes on from piece to piece, and the
gradient does not: a loss teaches only what was read within its own piece. Gradients of all pieces
are added up, and there is one update per batch, as with the other gradients. (Irie, Gopalakrishnan
and Schmidhuber 2024 compare it with real-time recurrent learning, which reaches back to the start.)

A piece as long as the string gives the gradient of back-propagation through time.
"""

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from fwp.models.pack import Pack, starts_anew
from fwp.nn.cross_entropy import loss_and_gradient
from fwp.training.readout import with_gradient


def check(model: nn.Module) -> None:
    """Raise ValueError unless `model` can be trained so."""
    if (dropout := getattr(model, "dropout", None)) is not None:
        rate = getattr(dropout, "rate", dropout)  # a model of another kind has a layer of its own
        raise ValueError(f"gradient tbptt is for models without dropout; got dropout = {rate}")


def gradients(
    pack: Pack, tokens: Tensor, targets: Tensor, weights: Tensor, truncation: int
) -> tuple[Tensor, list[Tensor]]:
    """Loss of each model, and the truncated gradient of every trained tensor of the pack.

    Args:
        pack: R models.
        tokens, targets, weights: as `cross_entropy` takes them, tokens
            [R, B, T].
        truncation: symbols of a piece; memory grows with it and not with T.

    Raises:
        ValueError: a model forgets what it read between two pieces.
    """
    trained, state = list(pack.weights.values()), None
    loss, total = weights.new_zeros(()), [torch.zeros_like(w) for w in trained]
    for begin in range(0, tokens.shape[-1], truncation):
        if begin and starts_anew(state):
            raise ValueError("gradient tbptt needs a model that goes on from its state, got None")
        piece = slice(begin, begin + truncation)
        y, state = pack(tokens[..., piece], state)
        own, d_y = loss_and_gradient(y, targets[..., piece], weights)
        found = torch.autograd.grad(with_gradient(y, d_y), trained, allow_unused=True)
        loss = loss + own.detach()
        for sum_, x in zip(total, found, strict=True):
            sum_ += 0 if x is None else x
        state = pytree.tree_map_only(Tensor, Tensor.detach, state)
    return loss, total
