"""The kernel in C, `native.c`, as PyTorch calls it."""

import torch
from torch import Tensor

from fwp.kernels.c_kernel import Kernel
from fwp.kernels.rows import WIDE, Gradients, apart, as_rows, blocks_of, parts_of
from fwp.kernels.tensors import once_differentiable

KERNEL = Kernel(__file__, fixed_sizes=())


def unusable(inputs: dict[str, Tensor]) -> str | None:
    """Why the kernel cannot compute on `inputs`, or None."""
    return KERNEL.unusable(inputs)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """As the reference."""
    return _Linear.apply(x, weight, bias)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        B, T, inputs = x.shape
        outputs, rows = len(weight), B * T
        (x, x_row), weight = as_rows(x), weight.contiguous()
        bias = None if bias is None else bias.contiguous()
        y = x.new_empty((B, T, outputs))
        parts, sizes = parts_of(rows), (rows, inputs, outputs)
        KERNEL.run("forward", parts, x, None, parts, *sizes, x, x_row, weight, bias, y)
        ctx.sizes, ctx.x_row = sizes, x_row
        ctx.save_for_backward(x, weight, bias)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, dy):
        x, weight, bias = ctx.saved_tensors
        dy, dy_row = as_rows(dy)
        dx = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        wide = weight.numel() >= WIDE
        way = _apart if wide and apart(weight.numel()) else _together
        blocks = 1 if wide else blocks_of(ctx.sizes[0])
        return dx, *way(blocks, ctx.sizes, x, ctx.x_row, dy, dy_row, weight, bias, dx)


def _together(blocks, sizes, x, x_row, dy, dy_row, weight, bias, dx) -> list[Tensor | None]:
    """The gradients of weight and bias; that of x is written on the way, while dy is in cache."""
    gradients = Gradients((weight, bias), blocks)
    KERNEL.run(
        "backward", blocks, x, None, blocks, *sizes,
        x, x_row, dy, dy_row, weight, dx, gradients.stride, *gradients.of_first,
    )  # fmt: skip
    return gradients.total(KERNEL)


def _apart(_, sizes, x, x_row, dy, dy_row, weight, bias, dx) -> list[Tensor | None]:
    """As `_together` with one block; threads share the rows first, then the outputs."""
    rows, _, outputs = sizes
    given = dy, dy_row
    if dx is not None:
        KERNEL.run("backward_input", parts_of(rows), x, None, *sizes, *given, weight, dx)
    gradients = [None if w is None else torch.empty_like(w) for w in (weight, bias)]
    parts = parts_of(outputs)
    KERNEL.run("backward_weights", parts, x, None, *sizes, x, x_row, *given, *gradients)
    return gradients
