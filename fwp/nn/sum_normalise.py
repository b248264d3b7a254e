"""Division by the sum over the last axis, with its gradient written out."""

import torch
from torch import Tensor


def sum_normalise(x: Tensor, eps: float = 0.0) -> Tensor:
    """Divide by the sum over the last axis plus `eps`. `x` must be ≥ 0, its sum + eps > 0."""
    return _SumNormalise.apply(x, eps)[0]


class _SumNormalise(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x, eps):
        scale = x.sum(-1, keepdim=True).add_(eps).reciprocal_()
        return x * scale, scale

    @staticmethod
    def setup_context(ctx, _, output):
        ctx.mark_non_differentiable(output[1])
        ctx.save_for_backward(*output)

    @staticmethod
    def backward(ctx, d_output, _):
        output, scale = ctx.saved_tensors
        mean = torch.linalg.vecdot(d_output, output).unsqueeze(-1)
        return (d_output - mean).mul_(scale), None
