"""The kernel in C, `native.c`, as PyTorch calls it; the gradient is computed on the way."""

import torch
from torch import Tensor

from fwp.kernels.c_kernel import Kernel
from fwp.kernels.tensors import records

KERNEL = Kernel(__file__, fixed_sizes=())


def unusable(inputs: dict[str, Tensor]) -> str | None:
    """Why the kernel cannot compute on `inputs`, or None."""
    return KERNEL.unusable({"logits": inputs["logits"]})


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """As the reference."""
    return _Native.apply(records((logits,)), logits, targets, weights)


def loss_and_gradient(logits: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The loss [R], and the gradient of the logits of all models."""
    gradient = torch.empty_like(logits, memory_format=torch.contiguous_format)
    return _loss(logits, targets, weights, gradient), gradient


def _loss(logits: Tensor, targets: Tensor, weights: Tensor, gradient: Tensor | None) -> Tensor:
    logits, targets, weights = (x.contiguous() for x in (logits, targets, weights))
    losses = torch.empty_like(weights)
    tensors = (logits, targets, weights, losses, gradient)
    KERNEL.run("forward", losses.numel(), logits, None, *logits.shape[2:], *tensors)
    return torch.linalg.vecdot(losses, weights)


class _Native(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, logits, targets, weights):
        contiguous = torch.contiguous_format
        gradient = torch.empty_like(logits, memory_format=contiguous) if record else None
        loss = _loss(logits, targets, weights, gradient)
        ctx.save_for_backward(gradient)
        return loss

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d_loss):
        (gradient,) = ctx.saved_tensors
        return None, gradient * d_loss.view(-1, 1, 1, 1), None, None
