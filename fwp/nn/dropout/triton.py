"""Dropout on the GPU: one pass there, and one back, which computes the hashes again."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.triton_vectors import blocks
from fwp.nn.dropout import threshold

BLOCK = 2048  # numbers of a program


def dropout(x: Tensor, seed: Tensor, *, rate: float, place: int) -> Tensor:
    """As the reference for R models: x [R·B, T, D], seed [R, 2]."""
    return _Dropout.apply(x, seed.contiguous(), rate, place)


def _run(x: Tensor, seed: Tensor, rate: float, place: int) -> Tensor:
    x, models = x.contiguous(), len(seed)
    y, (batch, T, D) = torch.empty_like(x), x.shape
    count = batch // models * T
    sizes = blocks(D, BLOCK)
    grid = (triton.cdiv(count, sizes["ROWS"]), models)
    _kernel[grid](x, seed, y, count, T, D, place, threshold(rate), 1 / (1 - rate), **sizes)
    return y


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, seed, rate, place):
        ctx.options = rate, place
        ctx.save_for_backward(seed)
        return _run(x, seed, rate, place)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        return _run(dy, *ctx.saved_tensors, *ctx.options), None, None, None


@triton.jit
def _mix(x):
    x = (x ^ (x >> 16)) * 0x7FEB352D
    x = (x ^ (x >> 15)) * 0x846CA68B
    return x ^ (x >> 16)


@triton.jit(do_not_specialize=["count", "T", "place", "threshold"])
def _kernel(
    x_, seed, y_, count, T, D, place, threshold, scale: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    r = tl.program_id(1).to(tl.int64)
    n = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    d = tl.arange(0, COLUMNS)
    key, step = tl.load(seed + 2 * r), tl.load(seed + 2 * r + 1)
    h = _mix(_mix(_mix(key.to(tl.uint32)) ^ step.to(tl.uint32)) ^ place.to(tl.uint32))
    h = _mix(_mix(h ^ (n // T).to(tl.uint32)) ^ (n % T).to(tl.uint32))
    u = _mix(h[:, None] + d[None, :].to(tl.uint32) * 0x9E3779B9)
    at = (r * count + n)[:, None] * D + d[None, :]
    inside = (n < count)[:, None] & (d < D)[None, :]
    x = tl.load(x_ + at, inside, 0.0)
    kept = u >= threshold.to(tl.uint32)
    tl.store(y_ + at, tl.where(kept, x * scale, 0.0), inside)
