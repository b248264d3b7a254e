"""The kernel in C, `native.c`, as PyTorch calls it."""

from torch import Tensor

from fwp.kernels.c_kernel import Kernel, padded
from fwp.kernels.recurrence import recurrence

KERNEL = Kernel(__file__)


def unusable(inputs: dict[str, Tensor]) -> str | None:
    """Why the kernel is not used for `inputs`, or None: PyTorch's is faster for a few pairs."""
    reason = KERNEL.unusable(inputs)
    if reason is not None:
        return reason
    q = inputs["q"]
    pairs, lanes = q.shape[0] * q.shape[2], KERNEL.lanes(q.dtype, q.shape[-1])
    if pairs < lanes / 2:
        return f"it computes {lanes} pairs of sequence and head at a time, too many for {pairs}"
    return None


def causal_attention(q: Tensor, k: Tensor, v: Tensor, *, window: int | None) -> Tensor:
    """As the reference."""
    (B, T, H, D), S = q.shape, k.shape[1]
    (y,) = recurrence(
        KERNEL,
        (q, k, v),
        (),
        sizes=(B, H, T, S, window or S, D),
        size=D,
        output=q.shape,
        kept=[(padded(T), padded(D) + 2)],
        again="sequences",
    )
    return y
