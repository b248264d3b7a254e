"""What ops do under `torch.vmap`, which computes several models of one shape as one program.

See `fwp.models.pack` for the models themselves.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def in_pack() -> bool:
    """Whether `torch.vmap` is at work, so that tensors may be those of a pack."""
    return torch._C._are_functorch_transforms_active()


def stacked(size: int, tensors: Sequence[Tensor], dims: Sequence[int | None]) -> list[Tensor]:
    """Tensors as `torch.vmap` hands them to a function's rule, with the pack in front [R, ...].

    Args:
        size: R.
        dims: where the pack is in each tensor; None for a tensor that all models share.
    """
    return [
        x.unsqueeze(0).expand(size, *x.shape) if dim is None else x.movedim(dim, 0)
        for x, dim in zip(tensors, dims, strict=True)
    ]


def folded(function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """Call `function` on tensors [B, ...]; in a pack, once on [R · B, ...] for all its models.

    For functions without weights that `torch.vmap` cannot see through, or only slowly, such as
    PyTorch's fused attention.
    """
    if in_pack():
        return _Folded.apply(function, *tensors)
    return function(*tensors)


class _Folded(torch.autograd.Function):
    """Autograd does not see this function: it follows what `vmap` does with plain tensors."""

    @staticmethod
    def forward(function, *tensors):
        return function(*tensors)

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Nothing to keep."""

    @staticmethod
    def vmap(info, in_dims, function, *tensors):
        whole = stacked(info.batch_size, tensors, in_dims[1:])
        output = function(*(x.flatten(0, 1) for x in whole))
        return output.unflatten(0, (info.batch_size, -1)), 0
