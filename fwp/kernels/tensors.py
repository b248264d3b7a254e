"""What kernels ask of tensors, on CPU and GPU."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable as refusing_twice
from torch.nn.functional import pad


def records(inputs: Iterable[Tensor]) -> bool:
    """Whether a backward pass may follow, so that the forward pass must keep what it needs."""
    return torch.is_grad_enabled() and any(x.requires_grad for x in inputs)


def once_differentiable(backward: Callable) -> Callable:
    """PyTorch's decorator, which costs a tenth of a small kernel, only where it has an effect."""
    careful = refusing_twice(backward)

    def either(ctx, *gradients):
        return (careful if torch.is_grad_enabled() else backward)(ctx, *gradients)

    return either


def contiguous_end(x: Tensor, dims: int = 1) -> Tensor:
    """`x`, copied unless its last `dims` dimensions are contiguous: kernels take other strides."""
    if x.is_contiguous():
        return x
    expected = 1
    for dim in range(x.dim() - 1, x.dim() - 1 - dims, -1):
        if x.stride(dim) != expected and x.shape[dim] > 1:
            return x.contiguous()
        expected *= x.shape[dim]
    return x


def latest(x: Tensor, before: Tensor | None, number: int) -> Tensor:
    """The last `number` of x [B, T, D] and those before it [B, number, D], None for zeros."""
    lacking = number - x.shape[1]
    if lacking <= 0:
        return x[:, -lacking:]
    if before is None:
        return pad(x, (0, 0, lacking, 0))
    return torch.cat((before[:, -lacking:], x), 1)
