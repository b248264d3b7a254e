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


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, *, eps: float) -> Tensor:
    """As the reference."""
    return _LayerNorm.apply(x, weight, bias, eps)


class _LayerNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        B, T, D = x.shape
        (x, x_row), weight, bias = as_rows(x), weight.contiguous(), bias.contiguous()
        y, kept = x.new_empty(x.shape), x.new_empty((2, B * T))
        ctx.sizes = blocks, *_ = blocks_of(B * T), B * T, D
        KERNEL.run("forward", blocks, x, None, *ctx.sizes, eps, x, x_row, weight, bias, y, kept)
        ctx.x_row = x_row
        ctx.save_for_backward(x, weight, kept)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, dy):
        x, weight, kept = ctx.saved_tensors
        dy, dy_row = as_rows(dy)
        dx, gradients = x.new_empty(x.shape), Gradients((weight, weight), ctx.sizes[0])
        KERNEL.run(
            "backward", ctx.sizes[0], x, None, *ctx.sizes,
            x, ctx.x_row, weight, kept, dy, dy_row, dx, gradients.stride, *gradients.of_first,
        )  # fmt: skip
        return dx, *gradients.total(KERNEL), None
