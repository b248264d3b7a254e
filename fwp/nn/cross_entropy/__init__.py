"""Cross-entropy of a batch of strings that count differently."""

import torch
import torch.nn.functional as F
from torch import Tensor

from fwp.kernels import c_kernel, triton_support
from fwp.kernels.tensors import records
from fwp.training.batches import IGNORE

KERNEL = c_kernel.Kernel(__file__, fixed_sizes=())


def weighted_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Sum over the strings of a batch of weight × cross-entropy over its labels, in nats [R].

    Args:
        logits: of R models, [R, B, T, classes].
        targets: classes [R, B, T]; `IGNORE` where there is no label.
        weights: of the strings [R, B].
    """
    if triton_support.unusable_device({"logits": logits}) is None:
        from fwp.nn.cross_entropy.triton import cross_entropy

        return cross_entropy(logits, targets, weights)
    if KERNEL.unusable({"logits": logits}) is None:
        return _Native.apply(records((logits,)), logits, targets, weights)
    return by_pytorch(logits, targets, weights)


def by_pytorch(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """The same wherever there is no kernel."""
    losses = F.cross_entropy(
        logits.flatten(0, 2), targets.flatten(), ignore_index=IGNORE, reduction="none"
    )
    return (losses.view_as(targets).sum(2) * weights).sum(1)


class _Native(torch.autograd.Function):
    """The compiled kernel, see loss.c, which computes the gradient on the way."""

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
