"""The kernel in C, `native.c`, as PyTorch calls it."""

import torch
from torch import Tensor

from fwp.kernels.c_kernel import Kernel, plain_sequence
from fwp.kernels.tensors import latest
from fwp.kernels.vmap import in_pack

KERNEL = Kernel(__file__, (2, 3, 4))
MOST = 64  # values that a channel may see, as in native.c


def unusable(inputs: dict[str, Tensor]) -> str | None:
    """Why the kernel is not used for `inputs`, or None."""
    size = inputs["weight"].shape[0]
    if size > MOST:
        return f"a channel may see up to {MOST} values, not {size}"
    if in_pack():
        return "it computes one model at a time, PyTorch a pack"
    return KERNEL.unusable(inputs, size)


def short_convolution(x: Tensor, weight: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """As the reference."""
    return _Native.apply(x, weight, state), latest(x, state)


class _Native(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, state):
        B, T, D = x.shape
        y, weight, size = x.new_empty(B, T, D), weight.contiguous(), len(weight)
        ctx.sizes = T, D, size
        sequences = plain_sequence(x), plain_sequence(state)
        KERNEL.run("forward", B, x, size, *ctx.sizes, *sequences, weight, y)
        ctx.save_for_backward(x, weight, state)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        x, weight, state = ctx.saved_tensors
        dx, dw = x.new_empty(x.shape), x.new_empty(len(x), *weight.shape)
        d_state = x.new_empty(state.shape) if ctx.needs_input_grad[2] else None
        sequences = plain_sequence(x), plain_sequence(state)
        gradients = dy.contiguous(), dx, d_state, dw
        KERNEL.run("backward", len(x), x, len(weight), *ctx.sizes, *sequences, weight, *gradients)
        return dx, dw.sum(0), d_state
