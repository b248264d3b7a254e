"""The kernel in C, `native.c`, as PyTorch calls it: one pass there, one back."""

import torch
from torch import Tensor

from fwp.kernels.c_kernel import FIXED_SIZES, Kernel, plain_sequence

KERNEL = Kernel(__file__, (1, 2, *FIXED_SIZES))
ROWS = 256  # of a block, as in native.c


def unusable(inputs: dict[str, Tensor]) -> str | None:
    """Why the kernel cannot compute on `inputs`, or None."""
    return KERNEL.unusable(inputs, inputs["x"].shape[-1])


def elu_plus_one(x: Tensor, *, normalise: bool) -> Tensor:
    """As the reference."""
    return _EluPlusOne.apply(x, normalise)


class _EluPlusOne(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, normalise):
        B, T, *_, D = x.shape
        y = x.new_empty(x.shape)
        scale = x.new_empty(x.shape[:-1]) if normalise else None
        ctx.blocks, ctx.sizes = -(-B * T // ROWS), (B, T, y.stride(1), D)
        KERNEL.run("forward", ctx.blocks, x, D, *ctx.sizes, plain_sequence(x), y, scale)
        ctx.save_for_backward(y, scale)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        y, scale = ctx.saved_tensors
        dx, D = y.new_empty(y.shape), y.shape[-1]
        KERNEL.run("backward", ctx.blocks, y, D, *ctx.sizes, y, scale, dy.contiguous(), dx)
        return dx, None
