"""Linear layers of a pack on the GPU: bias and product in one pass."""

import torch
from torch import Tensor

from fwp.kernels.aside import aside, may, used
from fwp.kernels.precision import in_bfloat16
from fwp.kernels.triton_matmul import as_rows, gradients, product, weight_gradients


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """As the reference for R models: x [R·B, T, I], weight [R, O, I], bias [R, O]."""
    return _Linear.apply(x, weight, bias)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias):
        rows, ctx.biased = as_rows(x, weight), bias is not None
        ctx.leaves = used(weight) if bias is None else used(weight, bias)
        if in_bfloat16() and x.dtype == torch.float32:
            rows, weight = rows.bfloat16(), weight.bfloat16()
        ctx.save_for_backward(rows, weight)
        return product(rows, weight.mT, bias=bias).view(*x.shape[:2], -1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        x, weight = ctx.saved_tensors
        shape, dy = dy.shape, as_rows(dy, weight).to(x.dtype)
        if not ctx.needs_input_grad[0]:
            return None, *weight_gradients(dy, x, ctx.biased)
        if may(ctx.leaves):
            with aside(ctx.leaves, dy, x):
                others = weight_gradients(dy, x, ctx.biased)
            dx = product(dy, weight)
        else:
            dx, *others = gradients(dy, x, weight, ctx.biased)
        return dx.view(*shape[:2], -1), *others
