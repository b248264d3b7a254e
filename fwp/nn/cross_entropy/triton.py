"""Weighted cross-entropy on the GPU: loss and gradient of a position in one go."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.utils.targets import NO_TARGET

BLOCK = 1024  # logits of a program


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """As the reference."""
    return _CrossEntropy.apply(logits, targets, weights)


def loss_and_gradient(logits: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The loss [R], and the gradient of the logits of all models."""
    logits, targets, weights = (x.contiguous() for x in (logits, targets, weights))
    models, B, T, C = logits.shape
    losses, gradient = logits.new_empty(models, B * T), torch.empty_like(logits)
    columns = triton.next_power_of_2(C)
    rows = max(1, BLOCK // columns)
    count = models * B * T
    _forward[(triton.cdiv(count, rows),)](
        logits, targets, weights, losses, gradient, count, T, C,
        NO_TARGET=NO_TARGET, ROWS=rows, COLUMNS=columns,
    )  # fmt: skip
    return losses.sum(1), gradient


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, targets, weights):
        loss, gradient = loss_and_gradient(logits, targets, weights)
        ctx.save_for_backward(gradient)
        return loss

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d_loss):
        (gradient,) = ctx.saved_tensors
        return gradient * d_loss[:, None, None, None], None, None


@triton.jit
def _forward(
    logits_, targets, weights, losses, gradient, count, T, C,
    NO_TARGET: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    n = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    c = tl.arange(0, COLUMNS)
    at = n[:, None] * C + c[None, :]
    inside = (n < count)[:, None] & (c < C)[None, :]
    logits = tl.load(logits_ + at, inside, float("-inf"))
    logits = tl.where((n < count)[:, None], logits, 0.0)
    target = tl.load(targets + n, n < count, NO_TARGET)
    weight = tl.load(weights + n // T, n < count, 0.0)
    weight = tl.where(target == NO_TARGET, 0.0, weight)
    highest = tl.max(logits, 1)
    powers = tl.exp(logits - highest[:, None])
    total = tl.sum(powers, 1)
    hit = c[None, :] == target[:, None]
    chosen = tl.sum(tl.where(hit, logits, 0.0), 1)
    # Where there is no label, `chosen` is 0 and the weight as well.
    loss = tl.where(target == NO_TARGET, 0.0, (highest + tl.log(total) - chosen) * weight)
    slope = (powers / total[:, None] - tl.where(hit, 1.0, 0.0)) * weight[:, None]
    tl.store(losses + n, loss, n < count)
    tl.store(gradient + at, slope, inside)
