"""What the C kernels of layers share: rows of numbers, in blocks that have sums of their own.

Threads compute blocks of rows side by side. What a layer adds up over the rows, the gradients of
its weights, is added up within each block first, then block by block in order. The gradient of a
wide layer's weights is large: it is one block, of which threads compute a part each, over all rows.
So no bit depends on the number of threads.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from fwp.kernels import threads
from fwp.kernels.c_kernel import Kernel

ROWS = 1024  # of a block, at most
SUMS = 2**14  # numbers that a thread adds up over the blocks at a time
TILE = 64  # rows or numbers of a part that is computed at a time, as in matmul.h
WIDE = 2**14  # numbers of a weight from which on its gradient is added up in one block
LARGE = 2**17  # numbers of a weight that with its gradient does not stay in cache


def blocks_of(rows: int) -> int:
    """How many blocks there are, one at least; the kernel makes them as even as it can."""
    return -(-rows // ROWS) or 1


def parts_of(numbers: int) -> int:
    """How many tiles there are of rows, or of a weight, that nothing is added up over."""
    return -(-numbers // TILE) or 1


def apart(weights: int) -> bool:
    """Whether a layer's way back goes over the rows twice, to write the weights' gradient in parts.

    One thread does both at once, unless the gradient is so large that it would go through memory
    with every tile of rows. The result is the same.
    """
    return weights > LARGE or threads.count() > 1


def as_rows(x: Tensor) -> tuple[Tensor, int]:
    """x [B, T, D], and how far its rows lie apart; copied unless that is one number."""
    if not x.is_contiguous():
        batch, time, unit = x.stride()
        if unit == 1 and time >= x.shape[2] and batch == time * x.shape[1]:
            return x, time
        x = x.contiguous()
    return x, x.shape[2]


def whole(kernel: Kernel, like: Tensor, numbers: int) -> int:
    """The length of a row of numbers that the kernel reads and writes by whole vectors."""
    lanes = kernel.lanes(like.dtype, None)
    return -(-numbers // lanes) * lanes


class Gradients:
    """Gradients of weights, which a kernel adds up within each block of rows.

    of_first: those of the first block, like the weights; None for a weight that is None.
    stride: by how many numbers the next block's are further on.
    """

    def __init__(self, weights: Sequence[Tensor | None], blocks: int):
        self.blocks, self.stride = blocks, 0
        if blocks == 1:
            self.of_first = [None if w is None else torch.empty_like(w) for w in weights]
            return
        numbers = [0 if w is None else w.numel() for w in weights]
        self.stride = sum(numbers)
        like = next(w for w in weights if w is not None)
        self.all = like.new_empty(blocks, self.stride)
        self.of_first = [
            None if w is None else x.view(w.shape)
            for x, w in zip(self.all[0].split(numbers), weights, strict=True)
        ]

    def total(self, kernel: Kernel) -> list[Tensor | None]:
        """The sums over all blocks."""
        if self.blocks > 1:
            parts = -(-self.stride // SUMS)
            sizes = (parts, self.blocks, self.stride)
            kernel.run("add_blocks", parts, self.all, None, *sizes, self.all)
        return self.of_first
