"""Weighted cross-entropy on the GPU: loss and gradient of a position in one go."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import records
from fwp.utils.targets import NO_TARGET

BLOCK = 2048  # logits in a round
ALONE = 65_536  # logits of a model that one program goes through, whose sum is no further kernel
PROGRAMS = 1024  # in all; each leaves the sum over its positions


def cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """As the reference."""
    return _CrossEntropy.apply(records((logits,)), logits, targets, weights)


def loss_and_gradient(logits: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The loss [R], and the gradient of the logits of all models."""
    loss, gradient = _loss(logits, targets, weights, True)
    assert gradient is not None
    return loss, gradient


def _loss(
    logits: Tensor, targets: Tensor, weights: Tensor, record: bool
) -> tuple[Tensor, Tensor | None]:
    """The loss [R], and the gradient of the logits if it is wanted."""
    logits, targets, weights = (x.contiguous() for x in (logits, targets, weights))
    models, B, T, C = logits.shape
    gradient = torch.empty_like(logits) if record else None
    columns = triton.next_power_of_2(C)
    rows = max(1, BLOCK // columns)
    programs = 1
    if B * T * C > ALONE:
        programs = min(triton.cdiv(B * T, rows), max(1, PROGRAMS // models))
    losses = logits.new_empty(models, programs)
    warps = min(32, max(4, rows * columns // 1024))  # a thread has 32 logits, or 16
    _forward[programs, models](
        logits, targets, weights, losses, gradient, B * T, T, C,
        NO_TARGET=NO_TARGET, ROWS=rows, COLUMNS=columns, num_warps=warps,
    )  # fmt: skip
    return losses.squeeze(1) if programs == 1 else losses.sum(1), gradient


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, logits, targets, weights):
        loss, gradient = _loss(logits, targets, weights, record)
        ctx.save_for_backward(gradient)
        return loss

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d_loss):
        (gradient,) = ctx.saved_tensors
        return None, gradient * d_loss[:, None, None, None], None, None


@triton.jit(do_not_specialize=["count", "T", "C"])
def _forward(
    logits_, targets, weights, losses, gradient, count, T, C,
    NO_TARGET: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    program, programs = tl.program_id(0), tl.num_programs(0)
    r = tl.program_id(1).to(tl.int64)
    c = tl.arange(0, COLUMNS)
    sums = tl.zeros([ROWS], logits_.dtype.element_ty)
    for start in range(program * ROWS, count, programs * ROWS):
        n = start + tl.arange(0, ROWS)
        at = (r * count + n)[:, None] * C + c[None, :]
        inside = (n < count)[:, None] & (c < C)[None, :]
        logits = tl.load(logits_ + at, inside, float("-inf"))
        logits = tl.where((n < count)[:, None], logits, 0.0)
        target = tl.load(targets + r * count + n, n < count, NO_TARGET)
        weight = tl.load(weights + (r * count + n) // T, n < count, 0.0)
        weight = tl.where(target == NO_TARGET, 0.0, weight)
        highest = tl.max(logits, 1)
        powers = tl.exp(logits - highest[:, None])
        total = tl.sum(powers, 1)
        hit = c[None, :] == target[:, None]
        chosen = tl.sum(tl.where(hit, logits, 0.0), 1)
        # Where there is no label, `chosen` is 0 and the weight as well.
        sums += tl.where(target == NO_TARGET, 0.0, (highest + tl.log(total) - chosen) * weight)
        if gradient is not None:
            slope = (powers / total[:, None] - tl.where(hit, 1.0, 0.0)) * weight[:, None]
            tl.store(gradient + at, slope, inside)
    tl.store(losses + r * programs + program, tl.sum(sums, 0))
