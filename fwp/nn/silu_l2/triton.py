"""The feature map SiLU with unit length on the GPU: one pass there, one back."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.triton_tiles import sigmoid
from fwp.kernels.triton_vectors import blocks, read, rows

BLOCK = 1024  # numbers of a program


def silu_l2(x: Tensor, *, eps: float) -> Tensor:
    """SiLU of x [B, T, ..., D], divided by its norm over D, or by `eps` if that is larger."""
    return _SiluL2.apply(x, eps)


class _SiluL2(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, eps):
        y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        lines, *layout = rows(x)
        D, ctx.sizes = x.shape[-1], blocks(x.shape[-1], BLOCK)
        ctx.eps, ctx.layout = eps, (x.numel() // D, D, *layout)
        _forward[_grid(ctx)](lines, y, *ctx.layout, EPS=eps, **ctx.sizes)
        ctx.save_for_backward(lines)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        (lines,) = ctx.saved_tensors
        dx = torch.empty(dy.shape, dtype=dy.dtype, device=dy.device)
        _backward[_grid(ctx)](lines, dy.contiguous(), dx, *ctx.layout, EPS=ctx.eps, **ctx.sizes)
        return dx, None


def _grid(ctx) -> tuple[int]:
    return (triton.cdiv(ctx.layout[0], ctx.sizes["ROWS"]),)


@triton.jit
def _read(x_, count, D, vectors, stride, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """A program's numbers, where they go in contiguous memory, and which of them there are."""
    n = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    d = tl.arange(0, COLUMNS)
    inside = (n < count)[:, None] & (d < D)[None, :]
    x = read(x_, n, d, inside, D, vectors, stride)
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
