"""Layer normalisation on the GPU: a program normalises a block of positions.

Backward reads input and gradient once; each program adds up what its positions give to the
gradients of the weights, and PyTorch adds the programs' sums.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.aside import aside, used
from fwp.kernels.tensors import contiguous_end, records
from fwp.kernels.triton_vectors import blocks

BLOCK = 2048  # numbers in a program's block: sixteen a thread
PROGRAMS = 1024  # of the backward pass in all; each leaves a row of sums


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, *, eps: float) -> Tensor:
    """As the reference for R models: x [R·B, T, D], weight and bias [R, D]."""
    return _LayerNorm.apply(records((x, weight, bias)), eps, x, weight, bias)


def normalised(
    x: Tensor, weight: Tensor, bias: Tensor, eps: float, dtype: torch.dtype | None = None
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """The result in `dtype`, and what `gradients` needs beside x; all contiguous, x [..., D]."""
    models, D = weight.shape
    count = x.numel() // D // models
    y = torch.empty_like(x, dtype=dtype)
    mean, scale = x.new_empty(models, count), x.new_empty(models, count)
    sizes = blocks(D, BLOCK)
    grid = (triton.cdiv(count, sizes["ROWS"]), models)
    _forward[grid](x, weight, bias, y, mean, scale, count, D, EPS=eps, **sizes)
    return y, (mean, scale)


def gradients(
    x: Tensor, weight: Tensor, kept: tuple[Tensor, Tensor], dy: Tensor, added: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The gradient of x, `added` to it, and parts of those of weight and bias [R, parts, 2, D]."""
    models, D = weight.shape
    count = x.numel() // D // models
    dx, sizes = torch.empty_like(x), blocks(D, BLOCK)
    programs = min(triton.cdiv(count, sizes["ROWS"]), max(1, PROGRAMS // models))
    sums = x.new_empty(models, programs, 2, D)
    _backward[programs, models](x, weight, *kept, dy, added, dx, sums, count, D, **sizes)
    return dx, sums


class _LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, eps, x, weight, bias):
        ctx.leaves = used(weight, bias)
        x, weight, bias = contiguous_end(x, 3), contiguous_end(weight, 2), contiguous_end(bias, 2)
        y, kept = normalised(x, weight, bias, eps)
        if record:
            ctx.save_for_backward(x, weight, *kept)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        x, weight, *kept = ctx.saved_tensors
        dx, sums = gradients(x, weight, kept, contiguous_end(dy, 3))
        with aside(ctx.leaves, sums):
            d_weight, d_bias = sums.sum(1).unbind(1)
        return None, None, dx, d_weight, d_bias


@triton.jit
def _forward(
    x_, weight, bias, y_, mean_, scale_, count, D,
    EPS: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    model = tl.program_id(1).to(tl.int64)
    n = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    d = tl.arange(0, COLUMNS)
    inside = (n < count)[:, None] & (d < D)[None, :]
    at = (model * count + n)[:, None] * D + d[None, :]
    x = tl.load(x_ + at, inside, 0.0)
    mean = tl.sum(x, 1) / D
    x = tl.where(inside, x - mean[:, None], 0.0)
    scale = 1 / tl.sqrt(tl.sum(x * x, 1) / D + EPS)
    w = tl.load(weight + model * D + d, d < D, 0.0)
    b = tl.load(bias + model * D + d, d < D, 0.0)
    tl.store(y_ + at, x * scale[:, None] * w[None, :] + b[None, :], inside)
    tl.store(mean_ + model * count + n, mean, n < count)
    tl.store(scale_ + model * count + n, scale, n < count)


@triton.jit
def _backward(
    x_, weight, mean_, scale_, dy_, added, dx_, sums, count, D,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    model = tl.program_id(1).to(tl.int64)
    d = tl.arange(0, COLUMNS)
    w = tl.load(weight + model * D + d, d < D, 0.0)
    d_weight = tl.zeros([COLUMNS], w.dtype)
    d_bias = tl.zeros([COLUMNS], w.dtype)
    for start in range(tl.program_id(0) * ROWS, count, tl.num_programs(0) * ROWS):
        n = start + tl.arange(0, ROWS)
        inside = (n < count)[:, None] & (d < D)[None, :]
        at = (model * count + n)[:, None] * D + d[None, :]
        mean = tl.load(mean_ + model * count + n, n < count, 0.0)
        scale = tl.load(scale_ + model * count + n, n < count, 0.0)
        x = tl.where(inside, tl.load(x_ + at, inside, 0.0) - mean[:, None], 0.0) * scale[:, None]
        dy = tl.load(dy_ + at, inside, 0.0)
        d_weight += tl.sum(dy * x, 0)
        d_bias += tl.sum(dy, 0)
        dy = dy * w[None, :]
        along = tl.sum(dy * x, 1) / D
        level = tl.sum(dy, 1) / D
        dx = (dy - level[:, None] - x * along[:, None]) * scale[:, None]
        if added is not None:
            dx += tl.load(added + at, inside, 0.0)
        tl.store(dx_ + at, dx, inside)
    own = ((model * tl.num_programs(0) + tl.program_id(0)) * 2) * D + d
    tl.store(sums + own, d_weight, d < D)
    tl.store(sums + own + D, d_bias, d < D)
