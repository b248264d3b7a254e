"""The feature map elu + 1 on the CPU, divided by its sum if wished: one pass there, one back."""

import torch
from torch import Tensor

from fwp.kernels.c_kernel import FIXED_SIZES, Kernel, plain_sequence

KERNEL = Kernel(__file__, (1, 2, *FIXED_SIZES))
ROWS = 256  # of a block, as in elu_plus_one.c


def unusable(x: Tensor) -> str | None:
    """Why there is no kernel for x [B, T, ..., D], or None."""
    return KERNEL.unusable({"x": x}, x.shape[-1])


def elu_plus_one(x: Tensor, normalise: bool) -> Tensor:
    """φ(x) = elu(x) + 1 of x [B, T, ..., D]; divided by its sum over D if `normalise`."""
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
