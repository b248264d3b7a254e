"""The kernel in C, `native.c`, as PyTorch calls it."""

import torch
from torch import Tensor

from fwp.kernels.c_kernel import Kernel
from fwp.kernels.rows import Gradients
from fwp.kernels.tensors import once_differentiable, records

KERNEL = Kernel(__file__, fixed_sizes=())
SEQUENCES = 16  # in a block, as in native.c
KEPT = 6  # vectors of every step and panel of units, as in native.c
WIDE, WIDEST = 48, 384  # units


def unusable(inputs: dict[str, Tensor]) -> str | None:
    """Why the kernel is not used for `inputs`, or None."""
    B, D = len(inputs["x"]), inputs["w_h"].shape[-1]
    if D > WIDEST:
        return f"PyTorch's is faster for more than {WIDEST} units, here {D}"
    if B < 3 and D > WIDE:
        return (
            f"it computes four sequences at a time, and PyTorch's is faster for {B} with {D} units"
        )
    return KERNEL.unusable(inputs)


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
        given = [tensor.contiguous() for tensor in (x, w_x, w_h, b, h_0, c_0)]
        y, h, c = x.new_empty(B, T, D), x.new_empty(B, D), x.new_empty(B, D)
        kept = x.new_empty(B, T, -(-D // lanes), KEPT, lanes) if record else None
        KERNEL.run(
            "forward", -(-B // SEQUENCES), x, D,
            B, T, I, D,
            *given, y, h, c, kept,
        )  # fmt: skip
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*given, y, kept)
        return y, h, c

    @staticmethod
    @once_differentiable
    def backward(ctx, *d_outputs):
        x, w_x, w_h, b, h_0, c_0, y, kept = ctx.saved_tensors
        (B, T, I), D = x.shape, w_h.shape[-1]  # noqa: E741
        d_outputs = [None if d is None else d.contiguous() for d in d_outputs]
        blocks = -(-B // SEQUENCES)
        _, wants_x, _, _, _, *wants_state = ctx.needs_input_grad
        dx = x.new_empty(B, T, I) if wants_x else None
        d_state = [x.new_empty(B, D) if wanted else None for wanted in wants_state]
        gradients = Gradients((w_x, w_h, b), blocks)
        KERNEL.run(
            "backward", blocks, x, D,
            B, T, I, D,
            x, w_x, w_h, h_0, c_0, y, kept,
            *d_outputs, dx, *d_state,
            gradients.stride, *gradients.of_first,
        )  # fmt: skip
        return None, dx, *gradients.total(KERNEL), *d_state
