"""The kernel in C, `native.c`, as PyTorch calls it."""

from torch import Tensor

from fwp.kernels.c_kernel import Kernel, padded
from fwp.kernels.recurrence import recurrence

KERNEL = Kernel(__file__)
unusable = KERNEL.unusable


def slstm(gates: Tensor, r: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """As the reference."""
    B, T, H, _, D = gates.shape
    h, *last = recurrence(
        KERNEL,
        (gates,),
        state,
        weights=(r,),
        sizes=(B, T, D),
        size=D,
        output=(B, T, H, D),
        final=slice(1, None),
        kept=[(T, 6 * padded(D))],
    )
    return h, (h[:, -1], *last)
