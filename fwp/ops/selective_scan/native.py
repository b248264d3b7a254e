"""The kernel in C, `native.c`, as PyTorch calls it."""

import torch
from torch import Tensor

from fwp.kernels.c_kernel import Kernel, plain_sequence

KERNEL = Kernel(__file__, fixed_sizes=())
unusable = KERNEL.unusable


def selective_scan(
    x: Tensor, delta: Tensor, A: Tensor, b: Tensor, c: Tensor, h: Tensor, *, allow_neg_eigval: bool
) -> tuple[Tensor, Tensor]:
    """As the reference."""
    return _Native.apply(allow_neg_eigval, x, delta, A, b, c, h)


class _Native(torch.autograd.Function):
    @staticmethod
    def forward(ctx, allow_neg_eigval, x, delta, A, b, c, h_0):
        (B, T, D), K = x.shape, b.shape[-1]
        A, h_0 = A.contiguous(), h_0.contiguous()
        y, h_T = x.new_empty(B, T, D), x.new_empty(B, D, K)
        ctx.sizes = (T, D, K, int(allow_neg_eigval))
        KERNEL.run(
            "forward", B, x, None, *ctx.sizes,
            *map(plain_sequence, (x, delta)), A, *map(plain_sequence, (b, c)),
            h_0, y, h_T,
        )  # fmt: skip
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, delta, A, b, c, h_0)
        return y, h_T

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy, dh_T):
        x, delta, A, b, c, h_0 = ctx.saved_tensors
        (B, T, D), K = x.shape, b.shape[-1]
        dx, d_delta = x.new_empty(B, T, D), x.new_empty(B, T, D)
        dA, dh_0 = x.new_empty(B, D, K), x.new_empty(B, D, K)
        db, dc = x.new_empty(B, T, K), x.new_empty(B, T, K)
        KERNEL.run(
            "backward", B, x, None, *ctx.sizes,
            *map(plain_sequence, (x, delta)), A, *map(plain_sequence, (b, c)),
            h_0, plain_sequence(dy), None if dh_T is None else dh_T.contiguous(),
            dx, d_delta, dA, db, dc, dh_0,
        )  # fmt: skip
        return None, dx, d_delta, dA.sum(0), db, dc, dh_0
