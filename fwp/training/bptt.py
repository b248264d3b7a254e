"""Back-propagation through time: loss and gradients of a pack."""

import torch
from torch import Tensor, nn

from fwp.kernels.aside import weight_gradients_aside
from fwp.models.pack import Pack
from fwp.nn.cross_entropy import loss_and_gradient


def check(_: nn.Module) -> None:
    """Every model can be trained so."""


def gradients(
    pack: Pack, tokens: Tensor, targets: Tensor, weights: Tensor
) -> tuple[Tensor, list[Tensor]]:
    """Loss of each model, and the gradient of every trained tensor of the pack."""
    trained = list(pack.weights.values())
    with weight_gradients_aside(trained[0]):
        logits, _ = pack(tokens)
        loss, d_logits = loss_and_gradient(logits, targets, weights)
        # The gradient of this number is d_logits. PyTorch takes d_logits itself, too, but then
        # imports SymPy first, which takes half a second.
        if logits.is_cuda:
            objective = _Objective.apply(logits, d_logits)
        else:
            objective = torch.dot(logits.flatten(), d_logits.flatten())
        gradients = torch.autograd.grad(objective, trained, allow_unused=True)
    gradients = (
        torch.zeros_like(w) if g is None else g for w, g in zip(trained, gradients, strict=True)
    )
    return loss, list(gradients)


class _Objective(torch.autograd.Function):
    """A number with a known gradient; what it is nobody asks, so that no kernel computes it."""

    @staticmethod
    def forward(ctx, logits, gradient):
        ctx.save_for_backward(gradient)
        return logits.new_empty(())

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, _):
        return *ctx.saved_tensors, None
