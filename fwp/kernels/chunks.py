"""Cutting time into chunks, for the matrix forms of the linear recurrences."""

from torch import Tensor
from torch.nn.functional import pad


def split_chunks(x: Tensor, size: int) -> Tensor:
    """[B, T, H, D] -> [B, H, chunks, steps, D], with zeros after the end; one chunk if T < size."""
    B, T, H, D = x.shape
    size = min(size, T)
    chunks = -(-T // size)
    x = pad(x, (0, 0, 0, 0, 0, chunks * size - T))
    return x.view(B, chunks, size, H, D).permute(0, 3, 1, 2, 4)


def join_chunks(x: Tensor, T: int) -> Tensor:
    """The inverse of `split_chunks`: [B, H, chunks, steps, D] -> [B, T, H, D]."""
    return x.permute(0, 2, 3, 1, 4).flatten(1, 2)[:, :T].contiguous()
