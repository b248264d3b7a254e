"""The kernel in C, `native.c`, as PyTorch calls it."""

import torch
from torch import Tensor

from fwp.kernels.c_kernel import Kernel, plain_sequence
from fwp.kernels.tensors import records

KERNEL = Kernel(__file__, fixed_sizes=())
SEQUENCES = 16  # in a block, as in native.c
KEPT = 6  # vectors of every step and panel of units, as in native.c
unusable = KERNEL.unusable


def lstm(
    x: Tensor, w_x: Tensor, w_h: Tensor, b: Tensor, state: tuple[Tensor, Tensor]
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """As the reference."""
    inputs = (x, w_x, w_h, b, *state)
    y, h, c = _Native.apply(records(inputs), *inputs)
    return y, (h, c)


class _Native(torch.autograd.Function):
    @staticmethod
    def forward(ctx, record, x, w_x, w_h, b, h_0, c_0):
        (B, T, I), D = x.shape, w_h.shape[-1]  # noqa: E741
        lanes = KERNEL.lanes(x.dtype, D)
        w_x, w_h = w_x.contiguous(), w_h.contiguous()
        y, h, c = x.new_empty(B, T, D), x.new_empty(B, D), x.new_empty(B, D)
        kept = x.new_empty(B, T, -(-D // lanes), KEPT, lanes) if record else None
        KERNEL.run(
            "forward", -(-B // SEQUENCES), x, D,
            B, T, I, D,
            plain_sequence(x),
            w_x, w_h, b.contiguous(),
            *map(plain_sequence, (h_0, c_0, y)),
            h, c, kept,
        )  # fmt: skip
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, w_x, w_h, h_0, c_0, y, kept)
        return y, h, c

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, dh, dc):
        x, w_x, w_h, h_0, c_0, y, kept = ctx.saved_tensors
        (B, T, I), D = x.shape, w_h.shape[-1]  # noqa: E741
        blocks = -(-B // SEQUENCES)
        _, wants_x, _, _, _, *wants_state = ctx.needs_input_grad
        dx = x.new_empty(B, T, I) if wants_x else None
        d_state = [x.new_empty(B, D) if wanted else None for wanted in wants_state]
        sums = x.new_empty(blocks, 4 * D * (I + D + 1))
        KERNEL.run(
            "backward", blocks, x, D,
            B, T, I, D,
            plain_sequence(x),
            w_x, w_h,
            *map(plain_sequence, (h_0, c_0, y)),
            kept,
            *map(plain_sequence, (dy, dh, dc, dx)),
            *d_state, sums,
        )  # fmt: skip
        total = sums[0] if blocks == 1 else sums.sum(0)
        dw_x, dw_h, db = total.split((4 * D * I, 4 * D * D, 4 * D))
        return None, dx, dw_x.view(4, D, I), dw_h.view(4, D, D), db.view(4, D), *d_state
