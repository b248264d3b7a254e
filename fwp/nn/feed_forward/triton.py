"""The feed-forward part of a pack on the GPU: bias, ReLU and its gradient within the products."""

import torch
from torch import Tensor

from fwp.kernels.tensors import records
from fwp.kernels.triton_matmul import as_rows, product, weight_gradients
from fwp.nn.layer_norm.triton import layer_norm


def feed_forward(x: Tensor, *weights: Tensor, skip: bool) -> Tensor:
    """As the reference for R models."""
    n, norm = x, weights[4:]
    if norm:
        n = layer_norm(x, *norm, eps=1e-5)
    inputs = (n, *weights[:4])
    y = _FeedForward.apply(records(inputs), *inputs)
    return x + y if skip else y


class _FeedForward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, x, w_1, b_1, w_2, b_2):
        rows = as_rows(x, w_1)
        inner = product(rows, w_1.mT, bias=b_1, relu=True)
        if record:
            ctx.save_for_backward(rows, w_1, w_2, inner)
        return product(inner, w_2.mT, bias=b_2).view_as(x)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        x, w_1, w_2, inner = ctx.saved_tensors
        shape, dy = dy.shape, as_rows(dy, w_2)
        dw_2, db_2 = weight_gradients(dy, inner, True)
        d_inner = product(dy, w_2, where=inner)
        dw_1, db_1 = weight_gradients(d_inner, x, True)
        return None, product(d_inner, w_1).view(shape), dw_1, db_1, dw_2, db_2
