"""The gradient in C, `native.c`, as PyTorch calls it; PyTorch's own takes ten times as long."""

import torch
from torch import Tensor

from fwp.kernels.c_kernel import Kernel
from fwp.kernels.vmap import in_pack

KERNEL = Kernel(__file__, fixed_sizes=())


def unusable(inputs: dict[str, Tensor]) -> str | None:
    """Why the kernel cannot compute on `inputs`, or None."""
    if in_pack():
        return "it computes one model at a time, PyTorch a pack"
    return KERNEL.unusable({"weight": inputs["weight"]})


def embedding(tokens: Tensor, weight: Tensor) -> Tensor:
    """As the reference."""
    return _Native.apply(tokens, weight)


class _Native(torch.autograd.Function):
    @staticmethod
    def forward(ctx, tokens, weight):
        ctx.shape = weight.shape
        ctx.save_for_backward(tokens)
        return torch.embedding(weight, tokens)  # it refuses tokens that have no row

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d_output):
        tokens, d_output = ctx.saved_tensors[0].contiguous().long(), d_output.contiguous()
        d_weight = d_output.new_empty(ctx.shape)
        lanes = KERNEL.lanes(d_output.dtype, None)
        sizes = (tokens.numel(), *ctx.shape)
        tensors = (tokens, d_output, d_weight)
        KERNEL.run("backward", -(-ctx.shape[1] // lanes), d_output, None, *sizes, *tensors)
        return None, d_weight
