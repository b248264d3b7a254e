"""The kernel in C, `native.c`, as PyTorch calls it."""

import torch
from torch import Tensor

from fwp.kernels.c_kernel import Kernel
from fwp.kernels.rows import Gradients, as_rows, blocks_of
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
        ctx.sizes = blocks, *_ = blocks_of(rows), rows, inputs, outputs
        KERNEL.run("forward", blocks, x, None, *ctx.sizes, x, x_row, weight, bias, y)
        ctx.x_row = x_row
        ctx.save_for_backward(x, weight, bias)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, dy):
        x, weight, bias = ctx.saved_tensors
        dy, dy_row = as_rows(dy)
        dx = torch.empty_like(x) if ctx.needs_input_grad[0] else None
        gradients = Gradients((weight, bias), ctx.sizes[0])
        KERNEL.run(
            "backward", ctx.sizes[0], x, None, *ctx.sizes,
            x, ctx.x_row, dy, dy_row, weight, dx, gradients.stride, *gradients.of_first,
        )  # fmt: skip
        return dx, *gradients.total(KERNEL)
