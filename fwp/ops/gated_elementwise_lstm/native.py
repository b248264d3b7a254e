"""The kernel in C, `native.c`, as PyTorch calls it."""

import torch
from torch import Tensor

from fwp.kernels.c_kernel import Kernel
from fwp.kernels.rows import Gradients
from fwp.kernels.tensors import once_differentiable, records

KERNEL = Kernel(__file__, fixed_sizes=())
SEQUENCES = 16  # in a block, as in native.c
unusable = KERNEL.unusable


def gated_elementwise_lstm(*inputs: Tensor) -> tuple[Tensor, Tensor]:
    """As the reference."""
    return _Native.apply(records(inputs), *inputs)


class _Native(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, x, w_x, b_x, w_z, w_f, w_o, b_o, c_0):
        B, T, D = x.shape
        given = [tensor.contiguous() for tensor in (x, w_x, b_x, w_z, w_f, w_o, b_o, c_0)]
        y, c = x.new_empty(B, T, D), x.new_empty(B, D)
        kept = x.new_empty(B, T, 4, D) if record else None
        KERNEL.run("forward", -(-B // SEQUENCES), x, D, B, T, D, *given, y, c, kept)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*given, kept)
        return y, c

    @staticmethod
    @once_differentiable
    def backward(ctx, *d_outputs):
        x, w_x, b_x, w_z, w_f, w_o, b_o, c_0, kept = ctx.saved_tensors
        B, T, D = x.shape
        blocks, wanted = -(-B // SEQUENCES), ctx.needs_input_grad
        d_outputs = [None if d is None else d.contiguous() for d in d_outputs]
        dx = x.new_empty(B, T, D) if wanted[1] else None
        dc_0 = x.new_empty(B, D) if wanted[-1] else None
        gradients = Gradients((w_x, b_x, w_z, w_f, w_o, b_o), blocks)
        KERNEL.run(
            "backward", blocks, x, D,
            B, T, D,
            x, w_x, w_z, w_f, w_o, c_0, kept,
            *d_outputs, dx, dc_0,
            gradients.stride, *gradients.of_first,
        )  # fmt: skip
        return None, dx, *gradients.total(KERNEL), dc_0
