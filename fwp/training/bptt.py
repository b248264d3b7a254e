"""Back-propagation through time: loss and gradients of a pack."""

import torch
from torch import Tensor, nn

from fwp.models.pack import Pack
from fwp.nn.cross_entropy import cross_entropy


def check(_: nn.Module) -> None:
    """Every model can be trained so."""


_known: dict[tuple, Tensor] = {}


def _ones(loss: Tensor) -> Tensor:
    """Ones of that shape; the same tensor each time, so that a CUDA graph need not fill it."""
    key = (loss.shape, loss.dtype, loss.device)
    if key not in _known:
        _known[key] = torch.ones_like(loss)
    return _known[key]


def gradients(
    pack: Pack, tokens: Tensor, targets: Tensor, weights: Tensor
) -> tuple[Tensor, list[Tensor]]:
    """Loss of each model, and the gradient of every trained tensor of the pack."""
    logits, _ = pack(tokens)
    loss = cross_entropy(logits, targets, weights)
    trained = list(pack.weights.values())
    # Of their sum, which would be two kernels more.
    gradients = torch.autograd.grad([loss], trained, [_ones(loss)], allow_unused=True)
    gradients = (
        torch.zeros_like(w) if g is None else g for w, g in zip(trained, gradients, strict=True)
    )
    return loss.detach(), list(gradients)
