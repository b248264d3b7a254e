"""The delta rule: correct what a key retrieves (Schlag et al., 2021)."""

import torch
from torch import Tensor

from fwp.kernels import c_kernel
from fwp.kernels import triton_support as _triton
from fwp.kernels.chunks import join_chunks, split_chunks
from fwp.kernels.op import Backend, Op
from fwp.kernels.recurrence import recurrence

KERNEL = c_kernel.Kernel(__file__)
CHUNK = 32


def delta_rule(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    beta: Tensor,
    initial_state: Tensor | None = None,
    *,
    backend: str = "auto",
) -> tuple[Tensor, Tensor]:
    """Move the value stored under a key towards a new one, then read with the query.

        S_t = S_{t-1} + k_t ⊗ β_t (v_t − k_t S_{t-1}),    y_t = q_t S_t

    Args:
        q, k: queries and keys [B, T, H, K], normalised.
        v: values [B, T, H, V].
        beta: write strengths [B, T, H], usually in (0, 1).
        initial_state: S_0 [B, H, K, V]; None means zeros.
        backend: "auto", or one of `OP.backends`.

    Returns:
        y [B, T, H, V] and S_T [B, H, K, V].

    Raises:
        ValueError: for shapes, dtypes or a backend that are not allowed.
    """
    return OP(backend, initial_state, q=q, k=k, v=v, beta=beta)


def reference(q: Tensor, k: Tensor, v: Tensor, beta: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """The equation, one step after the other."""
    outputs = []
    for t in range(q.shape[1]):
        retrieved = torch.einsum("bhk,bhkv->bhv", k[:, t], S)
        change = beta[:, t, :, None] * (v[:, t] - retrieved)
        S = S + torch.einsum("bhk,bhv->bhkv", k[:, t], change)
        outputs.append(torch.einsum("bhk,bhkv->bhv", q[:, t], S))
    return torch.stack(outputs, dim=1), S


def chunked(q: Tensor, k: Tensor, v: Tensor, beta: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """Matrix products within chunks of time (Yang et al., 2024, arXiv 2406.06484).

    With u_t = β_t (v_t − k_t S_{t-1}) every step adds k_t ⊗ u_t, as in linear attention. Within a
    chunk that starts from S, the u_t solve a unit lower triangular system:

        (I + tril(diag(β) K Kᵀ, −1)) U = diag(β) (V − K S)

    It is solved for the right-hand sides diag(β) V and diag(β) K of all chunks at once, which
    leaves a loop over chunks with matrix products only. Steps that fill the last chunk have β = 0.
    """
    T = q.shape[1]
    q, k, v, beta = (split_chunks(x, CHUNK) for x in (q, k, v, beta.unsqueeze(-1)))
    scaled = beta * k
    unit = torch.eye(q.shape[-2], dtype=q.dtype, device=q.device)
    system = (scaled @ k.transpose(-1, -2)).tril(-1) + unit
    right = torch.cat([beta * v, scaled], dim=-1)
    solved = torch.linalg.solve_triangular(system, right, upper=False, unitriangular=True)
    fresh, correction = solved.split([v.shape[-1], k.shape[-1]], dim=-1)
    attention = (q @ k.transpose(-1, -2)).tril()
    outputs = []
    for c in range(q.shape[2]):
        u = fresh[:, :, c] - correction[:, :, c] @ S
        outputs.append(q[:, :, c] @ S + attention[:, :, c] @ u)
        S = S + k[:, :, c].transpose(-1, -2) @ u
    return join_chunks(torch.stack(outputs, dim=2), T), S


def native(q: Tensor, k: Tensor, v: Tensor, beta: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """The compiled kernel, see delta_rule.c."""
    (B, T, H, K), V = q.shape, v.shape[-1]
    return recurrence(
        KERNEL,
        (q, k, v, beta),
        (S,),
        sizes=(B, H, T, K, V),
        size=K if K == V else None,
        output=v.shape,
        kept=[(T, 2 * K + c_kernel.padded(V) + 1)],
        again="state",
    )


def triton(q: Tensor, k: Tensor, v: Tensor, beta: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """The kernel for GPUs, see triton/delta_rule.py."""
    from fwp.ops.delta_rule.triton import delta_rule as kernel

    return kernel(q, k, v, beta, S)


def _typical(q: Tensor, k: Tensor, v: Tensor, beta: Tensor) -> tuple[Tensor, ...]:
    return q.softmax(-1), k.softmax(-1), v, beta.sigmoid()


OP = Op(
    name="delta_rule",
    inputs={"q": "BTHK", "k": "BTHK", "v": "BTHV", "beta": "BTH"},
    state="BHKV",
    cost=lambda n: 3 * n["K"] * n["V"],
    backends={
        "native": Backend(native, KERNEL.unusable),
        "triton": Backend(triton, _triton.unusable, packs=True),
        "chunked": Backend(chunked),
        "reference": Backend(reference),
    },
    typical=_typical,
)
