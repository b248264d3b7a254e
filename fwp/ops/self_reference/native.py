"""The kernel in C, `native.c`, as PyTorch calls it."""

from torch import Tensor

from fwp.kernels.c_kernel import Kernel, padded
from fwp.kernels.recurrence import recurrence

KERNEL = Kernel(__file__)
unusable = KERNEL.unusable


def self_reference(x: Tensor, *weights_and_state, updated: str) -> tuple[Tensor, tuple]:
    """As the reference; the state is all that is needed of the weights."""
    *_, state = weights_and_state
    (B, T, H, D), columns = x.shape, padded(3 * x.shape[-1] + 4)
    every, bits = max(32, columns), sum(1 << "yqkb".index(part) for part in updated)
    y, *final = recurrence(
        KERNEL,
        (x,),
        state,
        sizes=(B, H, T, D, every, bits),
        size=D,
        output=x.shape,
        kept=[(T, 3 * D + 4 + columns), (-(-T // every), D * columns)],
    )
    return y, tuple(final)
