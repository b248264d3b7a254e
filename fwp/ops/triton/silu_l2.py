"""The feature map SiLU with unit length on the GPU: one pass there, one back."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.ops.triton._common import sigmoid

BLOCK = 1024  # numbers of a program


def silu_l2(x: Tensor, eps: float) -> Tensor:
    """SiLU of x [B, T, ..., D], divided by its norm over D, or by `eps` if that is larger."""
    return _SiluL2.apply(x, eps)


class _SiluL2(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        # Keys and queries are parts of one projection: rows of several vectors, with gaps between.
        rows = x.flatten(2).flatten(0, 1)
        if rows.stride(-1) != 1:
            rows = rows.contiguous()
        ctx.eps, ctx.shape = eps, _shape(rows, x.shape[-1])
        grid, sizes, blocks = ctx.shape
        _forward[grid](rows, y, *sizes, EPS=eps, **blocks)
        ctx.save_for_backward(rows)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        (rows,) = ctx.saved_tensors
        dx = torch.empty(dy.shape, dtype=dy.dtype, device=dy.device)
        grid, sizes, blocks = ctx.shape
        _backward[grid](rows, dy.contiguous(), dx, *sizes, EPS=ctx.eps, **blocks)
        return dx, None


def _shape(rows: Tensor, D: int) -> tuple[tuple[int], tuple[int, ...], dict[str, int]]:
    """Grid, sizes and blocks for vectors of D numbers that lie in `rows`."""
    columns = triton.next_power_of_2(D)
    blocks = {"ROWS": max(1, BLOCK // columns), "COLUMNS": columns}
    count = rows.numel() // D
    return (
        (triton.cdiv(count, blocks["ROWS"]),),
        (count, D, rows.shape[1] // D, rows.stride(0)),
        blocks,
    )


@triton.jit
def _read(x_, count, D, vectors, stride, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """A program's numbers, where they go in contiguous memory, and which of them there are."""
    n = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    d = tl.arange(0, COLUMNS)
    inside = (n < count)[:, None] & (d < D)[None, :]
    start = n // vectors * stride + n % vectors * D
    x = tl.load(x_ + start[:, None] + d[None, :], inside, 0.0)
    return x, n[:, None] * D + d[None, :], inside


@triton.jit
def _forward(
    x_, y_, count, D, vectors, stride,
    EPS: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    x, at, inside = _read(x_, count, D, vectors, stride, ROWS, COLUMNS)
    y = x * sigmoid(x)
    length = tl.maximum(tl.sqrt(tl.sum(y * y, 1)), EPS)
    tl.store(y_ + at, y / length[:, None], inside)


@triton.jit
def _backward(
    x_, dy_, dx_, count, D, vectors, stride,
    EPS: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    x, at, inside = _read(x_, count, D, vectors, stride, ROWS, COLUMNS)
    gate = sigmoid(x)
    y = x * gate
    norm = tl.sqrt(tl.sum(y * y, 1))
    length = tl.maximum(norm, EPS)
    y = y / length[:, None]
    dy = tl.load(dy_ + at, inside, 0.0)
    along = tl.where(norm > EPS, tl.sum(dy * y, 1), 0.0)
    dy = (dy - y * along[:, None]) / length[:, None]
    tl.store(dx_ + at, dy * gate * (1 + x * (1 - gate)), inside)
