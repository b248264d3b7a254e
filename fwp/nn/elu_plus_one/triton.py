"""The feature map elu + 1 on the GPU, divided by its sum if wished: one pass there, one back."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.triton_vectors import blocks, read, rows

BLOCK = 1024  # numbers of a program


def elu_plus_one(x: Tensor, *, normalise: bool) -> Tensor:
    """φ(x) = elu(x) + 1 of x [B, T, ..., D]; divided by its sum over D if `normalise`."""
    return _EluPlusOne.apply(x, normalise)


class _EluPlusOne(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, normalise):
        D = x.shape[-1]
        y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        count = y.numel() // D
        scale = y.new_empty(count) if normalise else y
        lines, *layout = rows(x)
        grid, sizes = _grid(count, D)
        _forward[grid](lines, y, scale, count, D, *layout, NORMALISE=normalise, **sizes)
        ctx.normalise = normalise
        ctx.save_for_backward(y, scale)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        y, scale = ctx.saved_tensors
        dy, dx = dy.contiguous(), torch.empty_like(y)
        count, D = y.numel() // y.shape[-1], y.shape[-1]
        grid, sizes = _grid(count, D)
        _backward[grid](y, scale, dy, dx, count, D, NORMALISE=ctx.normalise, **sizes)
        return dx, None


def _grid(count: int, D: int) -> tuple[tuple[int], dict[str, int]]:
    sizes = blocks(D, BLOCK)
    return (triton.cdiv(count, sizes["ROWS"]),), sizes


@triton.jit
def _forward(
    x_, y_, scale_, count, D, vectors, stride,
    NORMALISE: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    n = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    d = tl.arange(0, COLUMNS)
    inside = (n < count)[:, None] & (d < D)[None, :]
    x = read(x_, n, d, inside, D, vectors, stride)
    y = tl.where(x > 0, x + 1, tl.exp(x))
    if NORMALISE:
        scale = 1 / tl.sum(tl.where(inside, y, 0.0), 1)
        tl.store(scale_ + n, scale, n < count)
        y = y * scale[:, None]
    tl.store(y_ + n[:, None] * D + d[None, :], y, inside)


@triton.jit
def _backward(
    y_, scale_, dy_, dx_, count, D,
    NORMALISE: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    n = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    d = tl.arange(0, COLUMNS)
    at = n[:, None] * D + d[None, :]
    inside = (n < count)[:, None] & (d < D)[None, :]
    y = tl.load(y_ + at, inside, 0.0)
    dy = tl.load(dy_ + at, inside, 0.0)
    if NORMALISE:
        scale = tl.load(scale_ + n, n < count, 1.0)
        dy = (dy - tl.sum(dy * y, 1)[:, None]) * scale[:, None]
        y = y / scale[:, None]
    # The slope is exp(x) = y below zero and 1 above, where y is at least 1.
    tl.store(dx_ + at, dy * tl.minimum(y, 1.0), inside)
