"""Recurrent fast weights written by the delta rule: the fast net of the Delta RNN (Irie et al.,
2021)."""

import torch
from torch import Tensor

from fwp.kernels import c_kernel
from fwp.kernels import triton_support as _triton
from fwp.kernels.op import Backend, Op
from fwp.kernels.recurrence import recurrence

KERNEL = c_kernel.Kernel(__file__)


def delta_rnn(
    z: Tensor,
    k: Tensor,
    v: Tensor,
    beta: Tensor,
    initial_state: tuple[Tensor, Tensor] | None = None,
    *,
    backend: str = "auto",
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """A recurrent net whose recurrent matrix is being written while it runs.

        R_t = R_{t-1} + k_t ⊗ β_t (v_t − k_t R_{t-1}),    y_t = z_t + softmax(y_{t-1}) R_t

    Args:
        z: what the net is driven by [B, T, H, D]; in the model, the output of a delta rule.
        k, v: keys, feature map applied, and values [B, T, H, D].
        beta: write strengths [B, T, H].
        initial_state: (R_0, y_0), [B, H, D, D] and [B, H, D]; None means zeros.
        backend: "auto", or one of `OP.backends`.

    Returns:
        y [B, T, H, D] and (R_T, y_T).

    Raises:
        ValueError: for shapes, dtypes or a backend that are not allowed.
    """
    return OP(backend, initial_state, z=z, k=k, v=v, beta=beta)


State = tuple[Tensor, Tensor]


def reference(z: Tensor, k: Tensor, v: Tensor, beta: Tensor, state: State) -> tuple[Tensor, State]:
    """The equation, one step after the other."""
    R, y = state
    outputs = []
    for t in range(z.shape[1]):
        error = v[:, t] - torch.einsum("bhi,bhij->bhj", k[:, t], R)
        R = R + torch.einsum("bhi,bhj->bhij", k[:, t], beta[:, t].unsqueeze(-1) * error)
        y = z[:, t] + torch.einsum("bhi,bhij->bhj", torch.softmax(y, dim=-1), R)
        outputs.append(y)
    return torch.stack(outputs, dim=1), (R, y)


def native(z: Tensor, k: Tensor, v: Tensor, beta: Tensor, state: State) -> tuple[Tensor, State]:
    """The compiled kernel, see delta_rnn.c."""
    (B, T, H, D), P = z.shape, c_kernel.padded(z.shape[-1])
    every = max(D, 32)
    y, R = recurrence(
        KERNEL,
        (z, k, v, beta),
        state,
        sizes=(B, H, T, D, every),
        size=D,
        output=z.shape,
        final=slice(0, 1),
        kept=[(T, 3 * P + 1), (-(-T // every), D * P)],
    )
    return y, (R, y[:, -1])


def triton(z: Tensor, k: Tensor, v: Tensor, beta: Tensor, state: State) -> tuple[Tensor, State]:
    """The kernel for GPUs, see triton/delta_rnn.py."""
    from fwp.ops.delta_rnn.triton import delta_rnn as kernel

    return kernel(z, k, v, beta, state)


def _typical(z: Tensor, k: Tensor, v: Tensor, beta: Tensor) -> tuple[Tensor, ...]:
    return z, k.softmax(-1), v, beta.sigmoid()


OP = Op(
    name="delta_rnn",
    inputs={"z": "BTHD", "k": "BTHD", "v": "BTHD", "beta": "BTH"},
    state=("BHDD", "BHD"),
    cost=lambda n: 3 * n["D"] ** 2,
    backends={
        "native": Backend(native, KERNEL.unusable),
        "triton": Backend(triton, _triton.unusable, packs=True),
        "reference": Backend(reference),
    },
    typical=_typical,
)
