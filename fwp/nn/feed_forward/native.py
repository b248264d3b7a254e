"""The kernel in C, `native.c`, as PyTorch calls it: one call there, one back."""

import torch
from torch import Tensor

from fwp.kernels.c_kernel import Kernel
from fwp.kernels.rows import Gradients, as_rows, blocks_of, whole
from fwp.kernels.tensors import once_differentiable, records
from fwp.nn.feed_forward import EPS

KERNEL = Kernel(__file__, fixed_sizes=())


def unusable(inputs: dict[str, Tensor]) -> str | None:
    """Why the kernel cannot compute on `inputs`, or None."""
    if len(inputs) == 6:
        return "a norm has weight and bias"
    return KERNEL.unusable(inputs)


def feed_forward(x: Tensor, *weights: Tensor, skip: bool) -> Tensor:
    """As the reference."""
    return _FeedForward.apply(records((x, *weights)), skip, x, *weights)


class _FeedForward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, skip, x, *weights):
        (B, T, D), inner = x.shape, len(weights[0])
        rows, (x, x_row) = B * T, as_rows(x)
        weights = [w.contiguous() for w in weights]
        ctx.no_norm = () if len(weights) == 6 else (None, None)
        y, h, moments = x.new_empty(x.shape), None, None
        if record:
            h = x.new_empty((rows, whole(KERNEL, x, inner)))
            moments = None if ctx.no_norm else x.new_empty((2, rows))
        ctx.sizes = blocks, *_ = blocks_of(rows), rows, D, inner, int(skip)
        KERNEL.run(
            "forward", blocks, x, None, *ctx.sizes, EPS,
            x, x_row, *weights, *ctx.no_norm, y, h, moments,
        )  # fmt: skip
        ctx.x_row = x_row
        ctx.save_for_backward(x, h, moments, *weights)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, dy):
        x, h, moments, w_1, b_1, w_2, b_2, *norm = ctx.saved_tensors
        dy, dy_row = as_rows(dy)
        dx = x.new_empty(x.shape)
        gradients = Gradients((w_1, b_1, w_2, b_2, *norm), ctx.sizes[0])
        KERNEL.run(
            "backward", ctx.sizes[0], x, None, *ctx.sizes,
            x, ctx.x_row, w_1, w_2, *norm, *ctx.no_norm, h, moments, dy, dy_row, dx,
            gradients.stride, *gradients.of_first, *ctx.no_norm,
        )  # fmt: skip
        return None, None, dx, *gradients.total(KERNEL)
