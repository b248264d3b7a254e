"""The kernel in C, `native.c`, as PyTorch calls it."""

from torch import Tensor

from fwp.kernels.c_kernel import Kernel, padded
from fwp.kernels.recurrence import recurrence

KERNEL = Kernel(__file__)
unusable = KERNEL.unusable


def generalised_delta_rule(
    q: Tensor, k: Tensor, v: Tensor, w: Tensor, a: Tensor, b: Tensor, S: Tensor
) -> tuple[Tensor, ...]:
    """As the reference."""
    (B, T, H, K), V = q.shape, v.shape[-1]
    every = max(8, K // 2)
    return recurrence(
        KERNEL,
        (q, k, v, w, a, b),
        (S,),
        sizes=(B, H, T, K, V, every),
        size=K if K == V else None,
        output=v.shape,
        kept=[(-(-T // every), K * padded(V))],
        again="sequences",
    )
