"""The kernel in C, `native.c`, as PyTorch calls it."""

from torch import Tensor

from fwp.kernels.c_kernel import Kernel, padded
from fwp.kernels.recurrence import recurrence
from fwp.nn.elu_plus_one import mapped
from fwp.ops.delta_rule import gated

KERNEL = Kernel(__file__)
unusable = KERNEL.unusable


def delta_rule(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor, S: Tensor, *, feature_map: str, gate: str
) -> tuple[Tensor, ...]:
    """As the reference."""
    q, k, beta = mapped(q, feature_map), mapped(k, feature_map), gated(beta, gate)
    (B, T, H, K), V = q.shape, v.shape[-1]
    return recurrence(
        KERNEL,
        (q, k, v, beta),
        (S,),
        sizes=(B, H, T, K, V),
        size=K if K == V else None,
        output=v.shape,
        kept=[(T, 2 * K + padded(V) + 1)],
        again="state",
    )
