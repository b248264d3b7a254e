"""The kernel in C, `native.c`, as PyTorch calls it."""

from torch import Tensor

from fwp.kernels.c_kernel import Kernel, padded
from fwp.kernels.narrow import Narrow
from fwp.kernels.recurrence import recurrence
from fwp.nn.elu_plus_one import mapped
from fwp.ops import linear_attention as op

KERNEL = Kernel(__file__)
unusable = KERNEL.unusable
NARROW = {
    feature_map: Narrow(KERNEL, (i, 0), sequences=3)
    for i, feature_map in enumerate(op.linear_attention.choices["feature_map"])
}


def linear_attention(
    q: Tensor, k: Tensor, v: Tensor, S: Tensor, *, feature_map: str
) -> tuple[Tensor, ...]:
    """As the reference."""
    narrow = NARROW[feature_map]
    if narrow.fits(q, v):
        return narrow(q, k, v, S)
    q, k = mapped(q, feature_map), mapped(k, feature_map)
    (B, T, H, K), V = q.shape, v.shape[-1]
    return recurrence(
        KERNEL,
        (q, k, v),
        (S,),
        sizes=(B, H, T, K, V),
        size=K if K == V else None,
        output=v.shape,
        kept=[(T, 2 * K + padded(V))],
        again="state",
    )
