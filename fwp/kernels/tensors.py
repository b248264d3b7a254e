"""What kernels ask of tensors, on CPU and GPU."""

from collections.abc import Callable, Iterable, Sequence
from math import prod

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
    if x.is_contiguous() or contiguous_from(x, x.dim() - dims):
        return x
    return x.contiguous()


def gradients_like(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Uninitialised gradients of tensors [B, T, ...].

    Those of slices of one memory (by `fwp.nn.split`, say) are slices of one memory, too, in the
    same order: so the gradient of the whole need not be put together.
    """
    shared: dict[tuple, list[int]] = {}
    for i, x in enumerate(tensors):
        key = (x.untyped_storage().data_ptr(), x.shape[:2], x.stride()[:2])
        shared.setdefault(key, []).append(i)
    gradients: dict[int, Tensor] = {}
    for (_, start, _), places in shared.items():
        places.sort(key=lambda i: tensors[i].storage_offset())
        sizes = [prod(tensors[i].shape[2:]) for i in places]
        if len(places) == 1 or not _follow_each_other([tensors[i] for i in places], sizes):
            for i in places:
                gradients[i] = tensors[i].new_empty(tensors[i].shape)
            continue
        parts = tensors[places[0]].new_empty(*start, sum(sizes)).split(sizes, dim=-1)
        for i, part in zip(places, parts, strict=True):
            gradients[i] = part.unflatten(-1, tensors[i].shape[2:])
    return [gradients[i] for i in range(len(tensors))]


def _follow_each_other(tensors: Sequence[Tensor], sizes: Sequence[int]) -> bool:
    """Whether each tensor lies behind the one before it within a step, all without gaps."""
    offset = tensors[0].storage_offset()
    for x, size in zip(tensors, sizes, strict=True):
        if x.storage_offset() != offset or not contiguous_from(x, 2):
            return False
        offset += size
    return True


def contiguous_from(x: Tensor, dim: int) -> bool:
    """Whether the dimensions of `x` from `dim` on are contiguous."""
    expected = 1
    for size, stride in zip(reversed(x.shape[dim:]), reversed(x.stride()[dim:]), strict=True):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True


def latest(x: Tensor, before: Tensor | None, number: int) -> Tensor:
    """The last `number` of x [B, T, D] and those before it [B, number, D], None for zeros."""
    lacking = number - x.shape[1]
    if lacking <= 0:
        return x[:, -lacking:]
    if before is None:
        return pad(x, (0, 0, lacking, 0))
    return torch.cat((before[:, -lacking:], x), 1)
