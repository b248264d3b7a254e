"""Cutting the last axis into parts, whose gradients are put together without a copy."""

from collections.abc import Sequence

import torch
from torch import Tensor

from fwp.kernels.tensors import records
from fwp.kernels.vmap import in_pack


def split(x: Tensor, sizes: Sequence[int]) -> tuple[Tensor, ...]:
    """Views of x [..., W] of those sizes along its last axis, as `torch.split` returns them.

    Its backward pass copies nothing where the gradients lie in one memory as the parts did. Ops
    allocate them so (see `fwp.kernels.tensors.gradients_like`).

    Args:
        x: [..., W].
        sizes: of the parts; their sum is W.
    """
    if in_pack():
        return _PackedSplit.apply(x, tuple(sizes))
    return _Split.apply(x, sizes) if records((x,)) else x.split(sizes, dim=-1)


def joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    """The tensor whose slices along the last axis are `parts`, if there is one."""
    first = parts[0]
    if first is None:
        return None
    strides, memory = first.stride(), first.untyped_storage().data_ptr()
    begin = offset = first.storage_offset()
    for part in parts:
        if (
            part is None
            or part.storage_offset() != offset
            or part.stride() != strides
            or part.untyped_storage().data_ptr() != memory
        ):
            return None
        offset += part.shape[-1]
    if strides[-1] != 1:
        return None
    return first.as_strided((*first.shape[:-1], offset - begin), strides, begin)


class _Split(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, sizes):
        ctx.sizes, ctx.shape = sizes, x.shape
        ctx.set_materialize_grads(False)
        return x.split(sizes, dim=-1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, *gradients):
        whole = joined(gradients)
        if whole is None:
            like = next((x for x in gradients if x is not None), None)
            if like is not None:
                whole = torch.cat(
                    [
                        like.new_zeros(*ctx.shape[:-1], size) if x is None else x
                        for x, size in zip(gradients, ctx.sizes, strict=True)
                    ],
                    dim=-1,
                )
        return whole, None


class _PackedSplit(torch.autograd.Function):
    """Autograd does not see this function: it follows what `vmap` does with plain tensors."""

    @staticmethod
    def forward(x, sizes):
        return x.split(sizes, dim=-1)

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Nothing to keep."""

    @staticmethod
    def vmap(_, in_dims, x, sizes):
        return split(x.movedim(in_dims[0], 0), sizes), (0,) * len(sizes)
