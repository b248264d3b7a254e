"""The kernel in C, `native.c`, as PyTorch calls it."""

from torch import Tensor

from fwp.kernels.c_kernel import Kernel, padded
from fwp.kernels.recurrence import recurrence

KERNEL = Kernel(__file__)
unusable = KERNEL.unusable


def delta_rnn(
    z: Tensor, k: Tensor, v: Tensor, beta: Tensor, state: tuple[Tensor, ...]
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """As the reference."""
    (B, T, H, D), P = z.shape, padded(z.shape[-1])
    every = max(D, 32)
    y, R = recurrence(
        KERNEL,
        (z, k, v, beta),
        state,
        sizes=(B, H, T, D, every),
        size=D,
        output=z.shape,
        final=slice(0, 1),
        kept=[(T, 3 * P + 1), (-(-T // every), D * P)],
    )
    return y, (R, y[:, -1])
