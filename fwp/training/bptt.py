"""Back-propagation through time: loss and gradients of a pack."""

import torch
from torch import Tensor, nn

from fwp.kernels.aside import weight_gradients_aside
from fwp.models.pack import Pack
from fwp.nn.cross_entropy import loss_and_gradient
from fwp.training.readout import loss_in_parts, too_large, with_gradient, without_readout


def check(_: nn.Module) -> None:
    """Every model can be trained so."""


def gradients(
    pack: Pack, tokens: Tensor, targets: Tensor, weights: Tensor
) -> tuple[Tensor, list[Tensor]]:
    """Loss of each model, and the gradient of every trained tensor of the pack."""
    trained, known = list(pack.weights.values()), {}
    with weight_gradients_aside(trained[0]):
        if too_large(pack, tokens):
            y, _ = pack.changed(without_readout)(tokens)
            loss, d_y, known = loss_in_parts(pack, y, targets, weights)
        else:
            y, _ = pack(tokens)
            loss, d_y = loss_and_gradient(y, targets, weights)
        gradients = torch.autograd.grad(with_gradient(y, d_y), trained, allow_unused=True)
    gradients = [
        known.get(name, torch.zeros_like(w)) if g is None else g
        for (name, w), g in zip(pack.weights.items(), gradients, strict=True)
    ]
    return loss, gradients
