"""Cutting the last axis into parts, whose gradients are put together without a copy."""

from collections.abc import Sequence
from functools import lru_cache
from math import prod

import torch
from torch import Tensor

from fwp.kernels.tensors import contiguous_strides, once_differentiable, records
from fwp.kernels.vmap import in_pack


def split(x: Tensor, shapes: Sequence[int | tuple[int, ...]]) -> tuple[Tensor, ...]:
    """Views of x [..., W], one after another along its last axis, as `torch.split` returns them.

    Its backward pass copies nothing where the gradients lie in one memory as the parts did. Ops
    allocate them so (see `fwp.kernels.tensors.gradients_like`).

    Args:
        x: [..., W].
        shapes: of the parts: a number, or the shape that takes the place of the last axis, such
            as (H, D) for heads. In all they have W numbers.
    """
    shapes = tuple(shapes)
    if in_pack():
        return _PackedSplit.apply(x, shapes)
    return _Split.apply(x, shapes) if records((x,)) else _views(x, shapes)


def _views(x: Tensor, shapes: tuple[int | tuple[int, ...], ...]) -> tuple[Tensor, ...]:
    places, begin = _places(x.shape, x.stride(), shapes), x.storage_offset()
    return tuple([x.as_strided(own, steps, begin + at) for own, steps, at in places])


@lru_cache(1000)  # most calls have the shapes of a call before
def _places(shape: torch.Size, strides: tuple[int, ...], shapes: tuple) -> list[tuple]:
    """Shape, strides and offset of each part of a tensor of that shape and those strides."""
    step, places, offset = strides[-1], [], 0
    for part in shapes:
        inner = (part,) if isinstance(part, int) else part
        steps = [step * n for n in contiguous_strides(inner)]
        places.append(((*shape[:-1], *inner), (*strides[:-1], *steps), offset * step))
        offset += prod(inner)
    if offset != shape[-1]:
        raise ValueError(f"split: the parts have {offset} numbers in all, x has {shape[-1]}")
    return places


def joined(parts: Sequence[Tensor | None], shape: torch.Size, shapes: tuple) -> Tensor | None:
    """The contiguous tensor of that shape whose `shapes` the parts are, if there is one."""
    first = parts[0]
    if first is None:
        return None
    strides = contiguous_strides(shape)
    places = _places(shape, strides, shapes)
    memory, begin = first.untyped_storage().data_ptr(), first.storage_offset()
    for part, (own, steps, offset) in zip(parts, places, strict=True):
        if (
            part is None
            or part.stride() != steps
            or part.storage_offset() != begin + offset
            or part.shape != own
            or part.untyped_storage().data_ptr() != memory
        ):
            return None
    return first.as_strided(shape, strides, begin)


class _Split(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, shapes):
        ctx.shapes, ctx.shape = shapes, x.shape
        ctx.set_materialize_grads(False)
        return _views(x, shapes)

    @staticmethod
    @once_differentiable
    def backward(ctx, *gradients):
        whole = joined(gradients, ctx.shape, ctx.shapes)
        given = next((x for x in gradients if x is not None), None)
        if whole is None and given is not None:
            whole = given.new_zeros(ctx.shape)
            for part, x in zip(_views(whole, ctx.shapes), gradients, strict=True):
                if x is not None:
                    part.copy_(x)
        return whole, None


class _PackedSplit(torch.autograd.Function):
    """Autograd does not see this function: it follows what `vmap` does with plain tensors."""

    @staticmethod
    def forward(x, shapes):
        return _views(x, shapes)

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Nothing to keep."""

    @staticmethod
    def vmap(_, in_dims, x, shapes):
        return split(x.movedim(in_dims[0], 0), shapes), (0,) * len(shapes)
