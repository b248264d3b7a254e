"""Short convolution on the GPU: a program has a block of symbols and channels.

Each program of the backward pass adds up what its symbols give to the gradient of the weights, and
PyTorch adds the programs' sums.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from fwp.kernels.tensors import latest, records

COLUMNS = 128  # channels of a program, at most
BLOCK = 2048  # numbers in a program's block: sixteen a thread
PROGRAMS = 2048  # of the backward pass in all; each leaves a row of sums


def short_convolution(x: Tensor, weight: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """As the reference for R models: x [R·B, T, D], weight [R, K, D], state [R·B, K - 1, D]."""
    inputs = (x, weight, state)
    return _ShortConvolution.apply(records(inputs), *inputs), latest(x, state)


class _ShortConvolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, x, weight, state):
        if x.stride(2) != 1 or x.stride(0) != x.shape[1] * x.stride(1):
            x = x.contiguous()
        weight, state = weight.contiguous(), state.contiguous()
        y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
        shape = _Shape(x, weight)
        _forward[shape.grid()](x, state, weight, y, *shape.sizes, **shape.blocks)
        if record:
            ctx.save_for_backward(x, weight, state)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        x, weight, state = ctx.saved_tensors
        shape, dy = _Shape(x, weight), dy.contiguous()
        dx = torch.empty_like(dy)
        programs, *_ = grid = shape.grid(max(1, PROGRAMS // len(weight)))
        sums = x.new_empty(len(weight), programs, *weight.shape[1:])
        power = triton.next_power_of_2(weight.shape[1])
        _backward[grid](x, state, weight, dy, dx, sums, *shape.sizes, POWER=power, **shape.blocks)
        d_state = _gradient_of_state(dy, weight, state) if ctx.needs_input_grad[3] else None
        return None, dx, sums.sum(1), d_state


def _gradient_of_state(dy: Tensor, weight: Tensor, state: Tensor) -> Tensor:
    """Training begins without a state, so that few ever ask for this."""
    models, size, _ = weight.shape
    d_state, dy = (x.unflatten(0, (models, -1)) for x in (torch.zeros_like(state), dy))
    for i in range(1, size):
        first = dy[:, :, :i] * weight[:, None, None, i]
        d_state[:, :, size - 1 - i :][:, :, : first.shape[2]] += first
    return d_state.flatten(0, 1)


class _Shape:
    """How x [R·B, T, D] is dealt to programs."""

    def __init__(self, x: Tensor, weight: Tensor):
        self.models, K, D = weight.shape
        columns = min(triton.next_power_of_2(D), COLUMNS)
        self.count, self.channels = x.shape[0] * x.shape[1] // self.models, D
        self.sizes = self.count, x.shape[1], D, x.stride(1)
        self.blocks = {"K": K, "ROWS": BLOCK // columns, "COLUMNS": columns, "num_warps": 4}

    def grid(self, most: int | None = None) -> tuple[int, int, int]:
        """Programs along the symbols, at most so many, and along channels, and models."""
        channels = triton.cdiv(self.channels, self.blocks["COLUMNS"])
        programs = triton.cdiv(self.count, self.blocks["ROWS"])
        most = programs if most is None else max(1, most // channels)
        return min(programs, most), channels, self.models


@triton.jit
def _forward(
    x_, state, weight, y_, count, T, D, stride,
    K: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    model = tl.program_id(2).to(tl.int64)
    n = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    d = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    inside = (n < count)[:, None] & (d < D)[None, :]
    t = n % T
    n += model * count
    before = n // T * (K - 1) + K - 1 + t
    y = tl.zeros([ROWS, COLUMNS], y_.dtype.element_ty)
    for i in range(K):
        w = tl.load(weight + (model * K + i) * D + d, d < D, 0.0)
        x = _delayed(x_, state, n, before, t, i, d, inside, D, stride)
        y += x * w[None, :]
    tl.store(y_ + n[:, None] * D + d[None, :], y, inside)


@triton.jit
def _backward(
    x_, state, weight, dy_, dx_, sums, count, T, D, stride,
    K: tl.constexpr, POWER: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    model = tl.program_id(2).to(tl.int64)
    d = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    k = tl.arange(0, POWER)
    dw = tl.zeros([POWER, COLUMNS], dx_.dtype.element_ty)
    for start in range(tl.program_id(0) * ROWS, count, tl.num_programs(0) * ROWS):
        n = start + tl.arange(0, ROWS)
        inside = (n < count)[:, None] & (d < D)[None, :]
        t = n % T
        n += model * count
        at = n[:, None] * D + d[None, :]
        before = n // T * (K - 1) + K - 1 + t
        dy = tl.load(dy_ + at, inside, 0.0)
        dx = tl.zeros([ROWS, COLUMNS], dx_.dtype.element_ty)
        for i in range(K):
            w = tl.load(weight + (model * K + i) * D + d, d < D, 0.0)
            later = inside & (t + i < T)[:, None]
            dx += tl.load(dy_ + at + i * D, later, 0.0) * w[None, :]
            x = _delayed(x_, state, n, before, t, i, d, inside, D, stride)
            dw += tl.where((k == i)[:, None], tl.sum(dy * x, 0)[None, :], 0.0)
        tl.store(dx_ + at, dx, inside)
    own = (model * tl.num_programs(0) + tl.program_id(0)) * K
    tl.store(sums + (own + k)[:, None] * D + d[None, :], dw, (k < K)[:, None] & (d < D)[None, :])


@triton.jit
def _delayed(x_, state, n, before, t, i, d, inside, D, stride):
    """What stands i symbols before symbol t, row n of x; in the state, row `before`, if i > t."""
    own = inside & (t >= i)[:, None]
    x = tl.load(x_ + (n - i)[:, None] * stride + d[None, :], own, 0.0)
    return x + tl.load(
        state + (before - i)[:, None] * D + d[None, :], inside & (t < i)[:, None], 0.0
    )
