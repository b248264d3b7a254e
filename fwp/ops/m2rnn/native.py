"""The kernel in C, `native.c`, as PyTorch calls it."""

from torch import Tensor

from fwp.kernels.c_kernel import Kernel, padded
from fwp.kernels.recurrence import recurrence

KERNEL = Kernel(__file__)
unusable = KERNEL.unusable


def m2rnn(q: Tensor, k: Tensor, v: Tensor, f: Tensor, w: Tensor, S: Tensor) -> tuple[Tensor, ...]:
    """As the reference."""
    (B, T, _, K), V = q.shape, v.shape[-1]
    P = padded(V)
    every = max(8, K // 2)
    return recurrence(
        KERNEL,
        (q, k, v, f),
        (S,),
        weights=(w,),
        sizes=(B, T, K, V, every),
        size=K if K == V else None,
        output=v.shape,
        kept=[(T, 2 * K + P + 1), (-(-T // every), K * P)],
    )
