"""The kernel in C, `native.c`, as PyTorch calls it."""

from torch import Tensor

from fwp.kernels.c_kernel import Kernel, padded
from fwp.kernels.narrow import Narrow
from fwp.kernels.recurrence import recurrence
from fwp.nn.elu_plus_one import mapped
from fwp.ops import delta_rule as op

KERNEL = Kernel(__file__)
unusable = KERNEL.unusable
NARROW = {
    (feature_map, gate): Narrow(KERNEL, (i, j), sequences=4)
    for i, feature_map in enumerate(op.delta_rule.choices["feature_map"])
    for j, gate in enumerate(op.delta_rule.choices["gate"])
}


def delta_rule(
    q: Tensor, k: Tensor, v: Tensor, beta: Tensor, S: Tensor, *, feature_map: str, gate: str
) -> tuple[Tensor, ...]:
    """As the reference."""
    narrow = NARROW[feature_map, gate]
    if narrow.fits(q, v):
        return narrow(q, k, v, beta, S)
    q, k, beta = mapped(q, feature_map), mapped(k, feature_map), op.gated(beta, gate)
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
