"""The kernel in C, `native.c`, as PyTorch calls it."""

from torch import Tensor

from fwp.kernels.c_kernel import Kernel, padded
from fwp.kernels.recurrence import recurrence

KERNEL = Kernel(__file__)
unusable = KERNEL.unusable


def momentum_delta_rule(*inputs) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """As the reference."""
    *sequences, state = inputs
    q, _, v, *_ = sequences
    (B, T, H, K), V = q.shape, v.shape[-1]
    every = max(8, K // 2)
    y, S, M = recurrence(
        KERNEL,
        sequences,
        state,
        sizes=(B, H, T, K, V, every),
        size=K if K == V else None,
        output=v.shape,
        kept=[(-(-T // every), 2 * K * padded(V))],
        again="sequences",
    )
    return y, (S, M)
