"""Back-propagation through time: loss and gradients of a pack."""

import torch
from torch import Tensor, nn

from fwp.models.pack import Pack
from fwp.nn.cross_entropy import loss_and_gradient


def check(_: nn.Module) -> None:
    """Every model can be trained so."""


def gradients(
    pack: Pack, tokens: Tensor, targets: Tensor, weights: Tensor
) -> tuple[Tensor, list[Tensor]]:
    """Loss of each model, and the gradient of every trained tensor of the pack."""
    logits, _ = pack(tokens)
    loss, d_logits = loss_and_gradient(logits, targets, weights)
    trained = list(pack.weights.values())
    # The gradient of this number is d_logits. PyTorch takes d_logits itself, too, but then imports
    # SymPy first, which takes half a second.
    objective = torch.dot(logits.flatten(), d_logits.flatten())
    gradients = torch.autograd.grad(objective, trained, allow_unused=True)
    gradients = (
        torch.zeros_like(w) if g is None else g for w, g in zip(trained, gradients, strict=True)
    )
    return loss, list(gradients)
