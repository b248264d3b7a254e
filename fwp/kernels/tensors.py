"""What kernels ask of tensors, on CPU and GPU."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
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
    if x.is_contiguous() or _contiguous_from(x, x.dim() - dims):
        return x
    return x.contiguous()


def gradients_like(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Uninitialised gradients of tensors [B, T, ...].

    Those of slices of one memory (by `fwp.nn.split`, say) are slices of one memory, too, in the
    same order: so the gradient of the whole need not be put together. Slices of another memory than
    that of the first tensor have gradients apart.
    """
    first = tensors[0]
    memory = first.untyped_storage().data_ptr()
    key = [
        (x.shape, x.stride(), x.storage_offset() if same else None)
        for x in tensors
        for same in (x.untyped_storage().data_ptr() == memory,)
    ]
    shape, places = _layout(tuple(key))
    whole = first.new_empty(shape)
    return [
        x.new_empty(x.shape) if place is None else whole.as_strided(x.shape, *place)
        for x, place in zip(tensors, places, strict=True)
    ]


Place = tuple[tuple[int, ...], int] | None


@lru_cache(1000)  # most calls have the shapes of a call before
def _layout(given: tuple[tuple, ...]) -> tuple[tuple[int, ...], list[Place]]:
    """Shape of the common memory of gradients; strides and offset there of each, None if apart.

    Of each tensor are given its shape, its strides, and its offset in the common memory if any.
    """
    shape, strides, _ = given[0]
    together = sorted((offset, i) for i, (_, _, offset) in enumerate(given) if offset is not None)
    expected = together[0][0]
    for offset, i in together:
        own, steps, _ = given[i]
        dense = contiguous_strides(own[2:]) == steps[2:]
        if offset != expected or own[:2] != shape[:2] or steps[:2] != strides[:2] or not dense:
            return (0,), [None] * len(given)
        expected += prod(own[2:])
    width = expected - together[0][0]
    places: list[Place] = [None] * len(given)
    for offset, i in together:
        own = given[i][0]
        steps = (own[1] * width, width, *contiguous_strides(own[2:]))
        places[i] = steps, offset - together[0][0]
    return (*shape[:2], width), places


def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides of a contiguous tensor."""
    strides = [1]
    for size in reversed(shape[1:]):
        strides.append(strides[-1] * size)
    return tuple(reversed(strides)) if shape else ()


def _contiguous_from(x: Tensor, dim: int) -> bool:
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
