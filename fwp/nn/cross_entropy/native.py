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


class _Native(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, logits, targets, weights):
        logits, targets, weights = (x.contiguous() for x in (logits, targets, weights))
        losses = torch.empty_like(weights)
        gradient = torch.empty_like(logits) if record else None
        tensors = (logits, targets, weights, losses, gradient)
        KERNEL.run("forward", losses.numel(), logits, None, *logits.shape[2:], *tensors)
        ctx.save_for_backward(gradient)
        return torch.linalg.vecdot(losses, weights)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d_loss):
        (gradient,) = ctx.saved_tensors
        return None, gradient * d_loss.view(-1, 1, 1, 1), None, None
