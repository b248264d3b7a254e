"""The kernel in C, `native.c`, as PyTorch calls it; the backward pass computes hashes again."""

import torch
from torch import Tensor

from fwp.kernels.c_kernel import Kernel
from fwp.kernels.rows import as_rows
from fwp.kernels.tensors import once_differentiable
from fwp.nn.dropout import threshold

KERNEL = Kernel(__file__, fixed_sizes=())
ROWS = 256  # of a block, as in native.c


def unusable(inputs: dict[str, Tensor]) -> str | None:
    """Why the kernel cannot compute on `inputs`, or None."""
    return KERNEL.unusable(inputs)


def dropout(x: Tensor, seed: Tensor, *, rate: float, place: int) -> Tensor:
    """As the reference."""
    return _Dropout.apply(x, seed.contiguous(), rate, place)


def _run(x: Tensor, seed: Tensor, rate: float, place: int) -> Tensor:
    B, T, D = x.shape
    x, row = as_rows(x)
    y = x.new_empty(x.shape)
    KERNEL.run(
        "forward", -(-B * T // ROWS), x, None, B * T, T, D, x, row, seed, place, threshold(rate),
        1 / (1 - rate), y,
    )  # fmt: skip
    return y


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, seed, rate, place):
        ctx.options = rate, place
        ctx.save_for_backward(seed)
        return _run(x, seed, rate, place)

    @staticmethod
    @once_differentiable
    def backward(ctx, dy):
        return _run(dy, *ctx.saved_tensors, *ctx.options), None, None, None
