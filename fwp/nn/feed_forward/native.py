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
        (B, T, D), inner, normed = x.shape, len(weights[0]), len(weights) == 6
        rows, (x, x_row) = B * T, as_rows(x)
        weights = [w.contiguous() for w in weights]
        y = x.new_empty(x.shape)
        kept = [None, None]
        if record:
            kept[0] = x.new_empty((rows, whole(KERNEL, x, inner)))
            kept[1] = x.new_empty((rows, 2)) if normed else None
        ctx.sizes = blocks, *_ = blocks_of(rows), rows, D, inner, int(skip)
        KERNEL.run(
            "forward", blocks, x, None, *ctx.sizes, EPS,
            x, x_row, *weights, *(() if normed else (None, None)), y, *kept,
        )  # fmt: skip
        ctx.x_row = x_row
        ctx.save_for_backward(x, *kept, *weights)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, dy):
        x, *kept, w_1, b_1, w_2, b_2, w_n, b_n = (*ctx.saved_tensors, None, None)[:9]
        dy, dy_row = as_rows(dy)
        dx, gradients = (
            x.new_empty(x.shape),
            Gradients((w_1, b_1, w_2, b_2, w_n, b_n), ctx.sizes[0]),
        )
        KERNEL.run(
            "backward", ctx.sizes[0], x, None, *ctx.sizes,
            x, ctx.x_row, w_1, w_2, w_n, b_n, *kept, dy, dy_row, dx,
            gradients.stride, *gradients.of_first,
        )  # fmt: skip
        total = gradients.total(KERNEL)
        return None, None, dx, *(total if w_n is not None else total[:4])
