"""Cutting the last axis into parts, whose gradients are put together without a copy."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from fwp.kernels.tensors import contiguous_from, records
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
    if in_pack():
        return _PackedSplit.apply(x, tuple(shapes))
    return _Split.apply(x, shapes) if records((x,)) else _views(x, shapes)


def _views(x: Tensor, shapes: Sequence[int | tuple[int, ...]]) -> tuple[Tensor, ...]:
    sizes = [shape if isinstance(shape, int) else prod(shape) for shape in shapes]
    parts = x.split(sizes, dim=-1)
    return tuple(
        part if isinstance(shape, int) else part.view(*part.shape[:-1], *shape)
        for part, shape in zip(parts, shapes, strict=True)
    )


def joined(parts: Sequence[Tensor | None], shape: Sequence[int]) -> Tensor | None:
    """The tensor of that shape whose parts along the last axis `parts` are, if there is one."""
    first, dims = parts[0], len(shape) - 1
    if first is None:
        return None
    strides, memory = first.stride()[:dims], first.untyped_storage().data_ptr()
    begin = offset = first.storage_offset()
    for part in parts:
        if (
            part is None
            or part.storage_offset() != offset
            or part.stride()[:dims] != strides
            or part.untyped_storage().data_ptr() != memory
            or not contiguous_from(part, dims)
        ):
            return None
        offset += prod(part.shape[dims:])
    return first.as_strided(shape, (*strides, 1), begin)


class _Split(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, shapes):
        ctx.shapes, ctx.shape = shapes, x.shape
        ctx.set_materialize_grads(False)
        return _views(x, shapes)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, *gradients):
        whole = joined(gradients, ctx.shape)
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
