"""The kernel in C, `native.c`, as PyTorch calls it."""

from torch import Tensor

from fwp.kernels.c_kernel import Kernel, padded
from fwp.kernels.recurrence import recurrence

KERNEL = Kernel(__file__)
unusable = KERNEL.unusable


def oja_rule(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor, w: Tensor, S: Tensor
) -> tuple[Tensor, Tensor]:
    """As the reference; the kernel's state is the transposed one."""
    (B, T, H, K), V = q.shape, v.shape[-1]
    every = max(8, K // 2)
    y, final = recurrence(
        KERNEL,
        (q, k, v, beta, w),
        (S.mT,),
        sizes=(B, H, T, K, V, every),
        size=K if K == V else None,
        output=v.shape,
        kept=[(-(-T // every), V * padded(K))],
        again="sequences",
    )
    return y, final.mT
