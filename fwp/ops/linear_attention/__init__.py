"""Linear attention: the sum update rule of the linear Transformer (Schlag et al., 2021)."""

import torch
from torch import Tensor

from fwp.kernels import c_kernel
from fwp.kernels import triton_support as _triton
from fwp.kernels.chunks import join_chunks, split_chunks
from fwp.kernels.op import Backend, Op
from fwp.kernels.recurrence import recurrence

KERNEL = c_kernel.Kernel(__file__)
CHUNK = 64


def linear_attention(
    q: Tensor, k: Tensor, v: Tensor, initial_state: Tensor | None = None, *, backend: str = "auto"
) -> tuple[Tensor, Tensor]:
    """Add the outer product of key and value to the state, then read it with the query.

        S_t = S_{t-1} + k_t ⊗ v_t,    y_t = q_t S_t

    Args:
        q, k: queries and keys [B, T, H, K], feature map applied.
        v: values [B, T, H, V].
        initial_state: S_0 [B, H, K, V]; None means zeros.
        backend: "auto", or one of `OP.backends`.

    Returns:
        y [B, T, H, V] and S_T [B, H, K, V].

    Raises:
        ValueError: for shapes, dtypes or a backend that are not allowed.
    """
    return OP(backend, initial_state, q=q, k=k, v=v)


def reference(q: Tensor, k: Tensor, v: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """The equation, one step after the other."""
    outputs = []
    for t in range(q.shape[1]):
        S = S + torch.einsum("bhk,bhv->bhkv", k[:, t], v[:, t])
        outputs.append(torch.einsum("bhk,bhkv->bhv", q[:, t], S))
    return torch.stack(outputs, dim=1), S


def chunked(q: Tensor, k: Tensor, v: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """Matrix products within chunks of time, the state from chunk to chunk: linear cost in T.

    A chunk reads the state before it and, through a causal mask, its own writes:
    Y = Q S + tril(Q Kᵀ) V, after which S += Kᵀ V. Steps that fill the last chunk write zeros.
    """
    T = q.shape[1]
    q, k, v = (split_chunks(x, CHUNK) for x in (q, k, v))
    writes = k.transpose(-1, -2) @ v
    states = torch.cat([S.unsqueeze(2), writes], dim=2).cumsum(dim=2)
    y = q @ states[:, :, :-1] + (q @ k.transpose(-1, -2)).tril() @ v
    return join_chunks(y, T), states[:, :, -1]


def native(q: Tensor, k: Tensor, v: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """The compiled kernel, see linear_attention.c."""
    (B, T, H, K), V = q.shape, v.shape[-1]
    return recurrence(
        KERNEL,
        (q, k, v),
        (S,),
        sizes=(B, H, T, K, V),
        size=K if K == V else None,
        output=v.shape,
        kept=[(T, 2 * K + c_kernel.padded(V))],
        again="state",
    )


def triton(q: Tensor, k: Tensor, v: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
    """The kernel for GPUs, see triton/linear_attention.py."""
    from fwp.ops.linear_attention.triton import linear_attention as kernel

    return kernel(q, k, v, S)


def _typical(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, ...]:
    return q.softmax(-1), k.softmax(-1), v


OP = Op(
    name="linear_attention",
    inputs={"q": "BTHK", "k": "BTHK", "v": "BTHV"},
    state="BHKV",
    cost=lambda n: 2 * n["K"] * n["V"],
    backends={
        "native": Backend(native, KERNEL.unusable),
        "triton": Backend(triton, _triton.unusable, packs=True),
        "chunked": Backend(chunked),
        "reference": Backend(reference),
    },
    typical=_typical,
)
