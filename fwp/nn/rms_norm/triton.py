"""Root mean square normalisation on the GPU: a program normalises a block of vectors.

As in layer_norm/triton.py, each program of the backward pass adds up what its vectors give to the
gradient of the weights, and PyTorch adds the programs' sums.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import contiguous_end, records
from fwp.kernels.triton_vectors import blocks, read, rows

BLOCK = 2048  # numbers in a program's block: sixteen a thread
PROGRAMS = 1024  # of the backward pass in all; each leaves a row of sums


def rms_norm(x: Tensor, weight: Tensor, *, eps: float) -> Tensor:
    """As the reference for R models: x [R·B, T, H, D] and weight [R, D]."""
    return _RMSNorm.apply(records((x, weight)), eps, x, weight)


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, eps, x, weight):
        weight = contiguous_end(weight, 2)
        y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        lines, *layout = rows(x)
        models, D = weight.shape
        ctx.layout = x.numel() // D // models, D, *layout
        sizes = blocks(D, BLOCK)
        grid = (triton.cdiv(ctx.layout[0], sizes["ROWS"]), models)
        _forward[grid](lines, weight, y, *ctx.layout, EPS=eps, **sizes)
        ctx.eps = eps
        if record:
            ctx.save_for_backward(lines, weight)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        lines, weight = ctx.saved_tensors
        models, D = weight.shape
        dy, dx = dy.contiguous(), torch.empty(dy.shape, dtype=dy.dtype, device=dy.device)
        sizes = blocks(D, BLOCK)
        programs = min(triton.cdiv(ctx.layout[0], sizes["ROWS"]), max(1, PROGRAMS // models))
        sums = dy.new_empty(models, programs, D)
        grid = (programs, models)
        _backward[grid](lines, weight, dy, dx, sums, *ctx.layout, EPS=ctx.eps, **sizes)
        return None, None, dx, sums.sum(1)


@triton.jit
def _forward(
    x_, weight, y_, count, D, vectors, stride,
    EPS: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    model = tl.program_id(1).to(tl.int64)
    n = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    d = tl.arange(0, COLUMNS)
    inside = (n < count)[:, None] & (d < D)[None, :]
    n += model * count
    x = read(x_, n, d, inside, D, vectors, stride)
    w = tl.load(weight + model * D + d, d < D, 0.0)
    scale = 1 / tl.sqrt(tl.sum(x * x, 1) / D + EPS)
    tl.store(y_ + n[:, None] * D + d[None, :], x * scale[:, None] * w[None, :], inside)


@triton.jit
def _backward(
    x_, weight, dy_, dx_, sums, count, D, vectors, stride,
    EPS: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    model = tl.program_id(1).to(tl.int64)
    d = tl.arange(0, COLUMNS)
    w = tl.load(weight + model * D + d, d < D, 0.0)
    d_weight = tl.zeros([COLUMNS], w.dtype)
    for begin in range(tl.program_id(0) * ROWS, count, tl.num_programs(0) * ROWS):
        n = begin + tl.arange(0, ROWS)
        inside = (n < count)[:, None] & (d < D)[None, :]
        n += model * count
        at = n[:, None] * D + d[None, :]
        x = read(x_, n, d, inside, D, vectors, stride)
        scale = 1 / tl.sqrt(tl.sum(x * x, 1) / D + EPS)
        x = x * scale[:, None]
        dy = tl.load(dy_ + at, inside, 0.0)
        d_weight += tl.sum(dy * x, 0)
        dy = dy * w[None, :]
        along = tl.sum(dy * x, 1) / D
        tl.store(dx_ + at, (dy - x * along[:, None]) * scale[:, None], inside)
    own = (model * tl.num_programs(0) + tl.program_id(0)) * D
    tl.store(sums + own + d, d_weight, d < D)
