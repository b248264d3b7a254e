"""Feature maps φ: what turns keys and queries into addresses of a fast weight memory.

Their gradients are written out: a step of a small model spends as long in the elementary functions
that autograd would chain as in its matrix products.
"""

import torch
from torch import Tensor


def elu_plus_one(x: Tensor) -> Tensor:
    """φ(x) = elu(x) + 1 > 0, element by element (Katharopoulos et al. 2020)."""
    return _EluPlusOne.apply(x)


def sum_normalise(x: Tensor) -> Tensor:
    """Divide by the sum over the last axis: total weight one per key (Schlag et al. 2021).

    `x` must be positive, as elu + 1 is.
    """
    return _SumNormalise.apply(x)[0]


class _EluPlusOne(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x.clamp(max=0).exp_().add_(x.clamp(min=0))  # several times faster than F.elu

    @staticmethod
    def setup_context(ctx, _, output):
        ctx.save_for_backward(output)

    @staticmethod
    def backward(ctx, d_output):
        (output,) = ctx.saved_tensors
        return output.clamp(max=1).mul_(d_output)  # the slope is exp(x) below zero, 1 above


class _SumNormalise(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        scale = x.sum(-1, keepdim=True).reciprocal_()
        return x * scale, scale

    @staticmethod
    def setup_context(ctx, _, output):
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(*output)

    @staticmethod
    def backward(ctx, d_output, _):
        output, scale = ctx.saved_tensors
        mean = torch.linalg.vecdot(d_output, output).unsqueeze(-1)
        return (d_output - mean).mul_(scale)
