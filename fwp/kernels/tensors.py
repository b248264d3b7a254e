"""What kernels ask of tensors, on CPU and GPU."""

from collections.abc import Iterable

import torch
from torch import Tensor


def records(inputs: Iterable[Tensor]) -> bool:
    """Whether a backward pass may follow, so that the forward pass must keep what it needs."""
    return torch.is_grad_enabled() and any(x.requires_grad for x in inputs)


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


def latest(x: Tensor, before: Tensor) -> Tensor:
    """The last of x [B, T, D] and those before it [B, P, D]: P of them."""
    past = before.shape[1]
    lacking = past - x.shape[1]
    if lacking <= 0:
        return x[:, -lacking:]
    return torch.cat((before[:, -lacking:], x), 1)
