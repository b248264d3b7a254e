"""The kernel in C, `native.c`, as PyTorch calls it."""

from torch import Tensor

from fwp.kernels.c_kernel import Kernel, padded
from fwp.kernels.recurrence import recurrence

KERNEL = Kernel(__file__)
unusable = KERNEL.unusable


def recurrent_delta_rule(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    beta: Tensor,
    r_q: Tensor,
    r_k: Tensor,
    r_v: Tensor,
    r_beta: Tensor,
    state: tuple[Tensor, ...],
    *,
    feedback: str,
    rule: str,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """As the reference."""
    (B, T, _, D), P = q.shape, padded(q.shape[-1])
    every = max(D, 32)
    y, S = recurrence(
        KERNEL,
        (q, k, v, beta),
        state,
        weights=(r_q, r_k, r_v, r_beta),
        sizes=(B, T, D, every, int(feedback == "linear"), int(rule == "sum")),
        size=D,
        output=q.shape,
        final=slice(0, 1),
        kept=[(T, 4 * P + 1), (-(-T // every), D * P)],
    )
    return y, (S, y[:, -1])
