"""The kernel in C, `native.c`, as PyTorch calls it."""

from torch import Tensor

from fwp.kernels.c_kernel import Kernel, padded
from fwp.kernels.narrow import Narrow
from fwp.kernels.recurrence import recurrence

KERNEL = Kernel(__file__)
unusable = KERNEL.unusable
NARROW = {
    (feedback, rule): Narrow(KERNEL, (i, j), sequences=4, weights=4)
    for i, feedback in enumerate(("tanh", "linear"))
    for j, rule in enumerate(("delta", "sum"))
}


def recurrent_delta_rule(*inputs, feedback: str, rule: str) -> tuple[Tensor, tuple]:
    """As the reference."""
    q, k, v, beta, *weights, state = inputs
    narrow = NARROW[feedback, rule]
    if narrow.fits(q, v):
        y, S = narrow(q, k, v, beta, *weights, *state)
        return y, (S, y[:, -1])
    (B, T, _, D), P = q.shape, padded(q.shape[-1])
    every = max(D, 32)
    y, S = recurrence(
        KERNEL,
        (q, k, v, beta),
        state,
        weights=weights,
        sizes=(B, T, D, every, int(feedback == "linear"), int(rule == "sum")),
        size=D,
        output=q.shape,
        final=slice(0, 1),
        kept=[(T, 4 * P + 1), (-(-T // every), D * P)],
    )
    return y, (S, y[:, -1])
