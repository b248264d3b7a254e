"""What the kernels share."""

from torch import Tensor
from triton import next_power_of_2

from fwp.ops._native import records

__all__ = ["contiguous_end", "next_power_of_2", "records"]


def contiguous_end(x: Tensor, dims: int = 1) -> Tensor:
    """`x`, copied unless its last `dims` dimensions are contiguous: kernels take other strides."""
    expected = 1
    for dim in range(x.dim() - 1, x.dim() - 1 - dims, -1):
        if x.stride(dim) != expected and x.shape[dim] > 1:
            return x.contiguous()
        expected *= x.shape[dim]
    return x
