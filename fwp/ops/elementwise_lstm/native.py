"""The kernel in C, `native.c`, as PyTorch calls it."""

import torch
from torch import Tensor

from fwp.kernels.c_kernel import Kernel, plain_sequence
from fwp.kernels.tensors import records

KERNEL = Kernel(__file__, fixed_sizes=())
unusable = KERNEL.unusable
CHAINS = 4  # runs of neighbouring units in a block, as in native.c


def elementwise_lstm(
    z: Tensor, f: Tensor, w_z: Tensor, w_f: Tensor, c: Tensor
) -> tuple[Tensor, Tensor]:
    """As the reference."""
    inputs = (z, f, w_z, w_f, c)
    cells = _Native.apply(records(inputs), *inputs)
    return cells, cells[:, -1]


class _Native(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, z, f, w_z, w_f, c_0):
        B, T, D = z.shape
        runs = -(-D // KERNEL.lanes(z.dtype, D))
        ctx.blocks = -(-B * runs // CHAINS)
        w_z, w_f, cells = w_z.contiguous(), w_f.contiguous(), z.new_empty(B, T, D)
        kept = [z.new_empty(B, T, D) if record else None for _ in range(2)]
        KERNEL.run(
            "forward", ctx.blocks, z, D,
            B, T, D,
            *map(plain_sequence, (z, f)),
            w_z, w_f,
            *map(plain_sequence, (c_0, cells, *kept)),
        )  # fmt: skip
        ctx.save_for_backward(w_z, w_f, c_0, cells, *kept)
        return cells

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, d_cells):
        w_z, w_f, c_0, cells, gate_z, gate_f = ctx.saved_tensors
        B, T, D = cells.shape
        dz, df = (cells.new_empty(B, T, D) for _ in range(2))
        dw_z, dw_f, dc_0 = (cells.new_empty(B, D) for _ in range(3))
        tensors = (c_0, cells, gate_z, gate_f, d_cells, dz, df, dw_z, dw_f, dc_0)
        KERNEL.run(
            "backward", ctx.blocks, cells, D,
            B, T, D,
            w_z, w_f,
            *map(plain_sequence, tensors),
        )  # fmt: skip
        return None, dz, df, dw_z.sum(0), dw_f.sum(0), dc_0
